"""The control table holds small documents: one item each, JSON packed under `data`, what is compared beside it.

Every partition key starts with the space that it belongs to; the exceptions are the workspace's own list of spaces and
the look-ups by the hash of a secret, which lead to a space.
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from personas import dynamo, wire
from personas.aws import client, setting
from personas.core.errors import Conflict, Unavailable

Item = dict[str, Any]
MAX_DATA = 380_000
"""Bytes of packed data in one item: DynamoDB takes 400 KB with keys and attribute names."""


class NotAsExpected(Conflict):
    """A transaction found something other than its conditions said; `places` are the actions that did."""

    def __init__(self, places: tuple[int, ...]) -> None:
        super().__init__(f"conditions of actions {places} did not hold")
        self.places = places


def table() -> str:
    return setting("CONTROL_TABLE")


def key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def item(pk: str, sk: str, data: Any, **numbers: int) -> Item:
    """`numbers` become attributes of their own, such as ttl (seconds)."""
    counted = {name: {"N": str(number)} for name, number in numbers.items()}
    return {**key(pk, sk), "data": {"B": wire.deflate(data)}, **counted}


def data_of(found: Item) -> Any:
    return wire.unpack(found["data"]["B"])


def get(pk: str, sk: str, *, consistent: bool = True) -> Any | None:
    """The document, or None."""
    found = get_item(pk, sk, consistent=consistent)
    return data_of(found) if found else None


def get_item(pk: str, sk: str, *, consistent: bool = True) -> Item | None:
    answer = client("dynamodb").get_item(TableName=table(), Key=key(pk, sk), ConsistentRead=consistent)
    found: Item | None = answer.get("Item")
    return found


def put(pk: str, sk: str, data: Any, **numbers: int) -> None:
    """Idempotent: the last one stands."""
    client("dynamodb").put_item(TableName=table(), Item=item(pk, sk, data, **numbers))


def delete(pk: str, sk: str) -> None:
    """Idempotent."""
    client("dynamodb").delete_item(TableName=table(), Key=key(pk, sk))


def items(pk: str, prefix: str = "") -> Iterator[Item]:
    """The items of one partition whose sort key starts with the prefix, in its order; read consistently."""
    condition = "pk = :pk"
    values = {":pk": {"S": pk}}
    if prefix:
        condition += " AND begins_with(sk, :prefix)"
        values[":prefix"] = {"S": prefix}
    yield from dynamo.query(
        table(), KeyConditionExpression=condition, ExpressionAttributeValues=values, ConsistentRead=True
    )


def all_of(pk: str, prefix: str = "") -> list[Any]:
    return [data_of(found) for found in items(pk, prefix)]


def new(pk: str, sk: str, data: Any, **numbers: int) -> Item:
    """A transaction's action: put, where nothing is yet."""
    nothing_there = "attribute_not_exists(pk)"
    return {"Put": {"TableName": table(), "Item": item(pk, sk, data, **numbers), "ConditionExpression": nothing_there}}


def placed(pk: str, sk: str, data: Any, **numbers: int) -> Item:
    """A transaction's action: put, whatever is there."""
    return {"Put": {"TableName": table(), "Item": item(pk, sk, data, **numbers)}}


def removed(pk: str, sk: str) -> Item:
    """A transaction's action: delete."""
    return {"Delete": {"TableName": table(), "Key": key(pk, sk)}}


def transact(actions: list[Item]) -> None:
    """All actions or none. Raises NotAsExpected with the places of the failed conditions, Unavailable on contention."""
    try:
        client("dynamodb").transact_write_items(TransactItems=actions)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
        failed = tuple(place for place, code in enumerate(codes) if code == "ConditionalCheckFailed")
        if failed:
            raise NotAsExpected(failed) from None
        raise Unavailable(f"the transaction met another one: {codes}") from None
