"""Who works on a queue: pk `{space}#queue#{destination}`, sk the queue's number; and what came of it, counted by hour:
pk `{space}#delivered`, sk `{destination}#{hour:08d}`.

Invariant: each claim has a token greater than the one before. Who does not hold the last one has nothing to say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from personas import dynamo
from personas.aws import client, setting
from personas.core.activation.queue import Queue
from personas.core.errors import Unavailable
from personas.core.moments import MINUTE, hour_of

LEASE = 10 * MINUTE
"""Longer than a run of the workflow can take, with what is still under way when it ends."""

_FREE = "attribute_not_exists(#until)"
_EXPIRED = "#until <= :now"
_MINE = "#token = :token AND attribute_exists(#until)"
_NAMES = {"#token": "token", "#until": "until"}


@dataclass(frozen=True, slots=True)
class Lease:
    claimed: int = 0
    """When the queue was claimed last, in ms."""
    until: int = 0
    """When the claim ends, unless it was given back, as 0 says."""


def last(queues: Iterable[Queue]) -> dict[Queue, Lease]:
    """The last lease of each queue; a hint for whom to claim next, as it may be a moment old."""
    keys = {queue: _key(queue) for queue in queues}
    items = {
        (item["pk"]["S"], item["sk"]["S"]): item for item in dynamo.batch_get(_table(), keys.values(), consistent=False)
    }
    found = {queue: items.get((key["pk"]["S"], key["sk"]["S"]), {}) for queue, key in keys.items()}
    return {queue: Lease(_number(item, "claimed"), _number(item, "until")) for queue, item in found.items()}


def claim(queue: Queue, now: int) -> int | None:
    """The token of a new lease; None while somebody else's lasts. Not idempotent: each claim is a new lease."""
    try:
        answer = client("dynamodb").update_item(
            TableName=_table(),
            Key=_key(queue),
            UpdateExpression="SET #until = :until, claimed = :now ADD #token :one",
            ConditionExpression=f"{_FREE} OR {_EXPIRED}",
            ExpressionAttributeNames=_NAMES,
            ExpressionAttributeValues={":until": _n(now + LEASE), ":now": _n(now), ":one": _n(1)},
            ReturnValues="UPDATED_NEW",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return None
        raise
    return int(answer["Attributes"]["token"]["N"])


def holds(queue: Queue, token: int) -> bool:
    """Whether the token is the last one, and was not given back."""
    item = client("dynamodb").get_item(TableName=_table(), Key=_key(queue), ConsistentRead=True).get("Item", {})
    return "until" in item and int(item["token"]["N"]) == token


def release(queue: Queue, token: int, counts: Mapping[str, int], now: int) -> bool:
    """Give the lease back and count what was done with it, in one transaction. Idempotent: the second time the token
    holds nothing, and nothing is counted. Whether it held."""
    counted = {name: count for name, count in counts.items() if count}
    actions: list[dict[str, Any]] = [
        {
            "Update": {
                "TableName": _table(),
                "Key": _key(queue),
                "UpdateExpression": "REMOVE #until",
                "ConditionExpression": _MINE,
                "ExpressionAttributeNames": _NAMES,
                "ExpressionAttributeValues": {":token": _n(token)},
            }
        }
    ]
    if counted:
        names = {f"#{name}": name for name in counted}
        actions.append(
            {
                "Update": {
                    "TableName": _table(),
                    "Key": _counts_key(queue.space, queue.destination, hour_of(now)),
                    "UpdateExpression": "ADD " + ", ".join(f"#{name} :{name}" for name in counted),
                    "ExpressionAttributeNames": names,
                    "ExpressionAttributeValues": {f":{name}": _n(count) for name, count in counted.items()},
                }
            }
        )
    for _ in range(dynamo.TRIES):
        try:
            client("dynamodb").transact_write_items(TransactItems=actions)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            if error.response["CancellationReasons"][0].get("Code") == "ConditionalCheckFailed":
                return False
            continue  # the destination's other queues count into the same item
        return True
    raise Unavailable(f"{queue}: the counts were contended {dynamo.TRIES} times")


def counts(space: str, destination: str, first_hour: int, last_hour: int) -> dict[int, dict[str, int]]:
    """Calls by hour and by what came of them: `delivered`, `skipped`, `retry`, `dead`."""
    request: dict[str, Any] = {
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":pk": _counts_key(space, destination, 0)["pk"],
            ":first": _counts_key(space, destination, first_hour)["sk"],
            ":last": _counts_key(space, destination, last_hour)["sk"],
        },
    }
    return {
        int(item["sk"]["S"].rsplit("#", 1)[1]): {
            name: int(value["N"]) for name, value in item.items() if name not in ("pk", "sk")
        }
        for item in dynamo.query(_table(), **request)
    }


def _key(queue: Queue) -> dict[str, Any]:
    return {"pk": {"S": f"{queue.space}#queue#{queue.destination}"}, "sk": {"S": str(queue.number)}}


def _counts_key(space: str, destination: str, hour: int) -> dict[str, Any]:
    return {"pk": {"S": f"{space}#delivered"}, "sk": {"S": f"{destination}#{hour:08d}"}}


def _number(item: dict[str, Any], name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _n(number: int) -> dict[str, str]:
    return {"N": str(number)}


def _table() -> str:
    return setting("ACTIVATION_TABLE")
