"""Types of identifiers that events brought without anybody having configured them, by version of the space's rules.

In the identity table, which the function that meets them writes anyway. New rules start with none: what they leave out
comes back when an event brings it again.
"""

from itertools import islice

from personas import dynamo
from personas.aws import client
from personas.stores.graph_items import Item, table

MOST = 100
"""That are listed with the rules, in alphabetical order: whoever sends a new type with each event fills no page."""


def note(space: str, version: int, kind: str) -> None:
    """Idempotent."""
    client("dynamodb").put_item(TableName=table(), Item={**_partition(space, version), "sk": {"S": kind}})


def read(space: str, version: int) -> tuple[str, ...]:
    found = dynamo.query(
        table(),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": _partition(space, version)["pk"]},
        ConsistentRead=True,
        Limit=MOST,
    )
    return tuple(item["sk"]["S"] for item in islice(found, MOST))


def _partition(space: str, version: int) -> Item:
    return {"pk": {"S": f"{space}#types#{version:08d}"}}
