"""Reading all that the identity table has recorded of a space: its roots and facts, in segments and page by page.

The table has no index by space, because nothing on the way of an event needs one, so each scan reads all of it: about
$0.03 per GB.
"""

from typing import Any

from personas.aws import client
from personas.core.simulation.history import History
from personas.stores import graph_items as items

Cursor = dict[str, Any]


def page(space: str, segment: int, segments: int, cursor: Cursor | None) -> tuple[list[items.Item], Cursor | None]:
    """At most 1 MB of a segment, and where its next page begins; None: there is none."""
    of_a_profile_of_the_space = "begins_with(pk, :prefix)"
    request = {
        "TableName": items.table(),
        "Segment": segment,
        "TotalSegments": segments,
        "FilterExpression": of_a_profile_of_the_space,
        "ExpressionAttributeValues": {":prefix": {"S": items.profile_pk(space, "")}},
    }
    if cursor:
        request["ExclusiveStartKey"] = cursor
    answer = client("dynamodb").scan(**request)
    return answer["Items"], answer.get("LastEvaluatedKey")


def tell(history: History, item: items.Item) -> None:
    """What the item says of the past, and of who is who; items of other kinds say nothing."""
    sort_key = item["sk"]["S"]
    if sort_key == items.ROOT:
        history.root(items.root_of(item))
    elif sort_key.startswith(items.FACT_OF_IDENTIFIER):
        history.gained(items.fact_of(item))
    elif sort_key.startswith(items.FACT_OF_ASIDE):
        history.set_aside(items.fact_of(item))
    elif sort_key.startswith(items.FACT_OF_MERGE):
        history.merged(items.merge_of(item))
