"""The event tables: one for each type of call, and one for each name of a track call, with a column for each property.

>>> event = Event("sp", "src", 1, 2, {"type": "track", "messageId": "m", "event": "Order Completed",
...               "properties": {"orderId": 7}, "userId": "u"})
>>> [(table, row.get("order_id")) for table, row in event_rows("use_1", event)]
[('tracks', None), ('order_completed', 7)]
"""

from collections.abc import Iterator

from personas.core.event import Event
from personas.core.warehouse.columns import Row, column, flattened, row_id

TABLES = {
    "identify": "identifies",
    "page": "pages",
    "group": "groups",
    "screen": "screens",
    "alias": "aliases",
    "track": "tracks",
}
LONGEST = 60
"""Characters of the name of a table, before what tells it from others that begin likewise; a file is named so too."""
RESERVED = frozenset(
    (*TABLES.values(), "id_graph_updates", "external_id_mapping_updates", "profile_traits_updates", "user_traits")
) | {"user_identifiers", "profile_merges"}


def event_rows(segment_id: str, event: Event) -> Iterator[tuple[str, Row]]:
    """`segment_id`: the profile as it was when the event came."""
    body = event.body
    base: Row = {
        "id": event.message_id,
        "event_id": event.message_id,
        "segment_id": segment_id,
        "event_source_id": event.source,
        "anonymous_id": _text(body.get("anonymousId")),
        "user_id": _text(body.get("userId")),
        "received_at": event.received,
        "timestamp": event.at,
        **flattened(event.context, "context"),
    }
    own: Row = {}
    if event.type in ("page", "screen"):
        own = {"name": body.get("name"), **flattened(body.get("properties") or {})}
    elif event.type == "identify":
        own = flattened(event.traits)
    elif event.type == "group":
        own = {"group_id": _text(body.get("groupId")), **flattened(event.traits)}
    elif event.type == "alias":
        own = {"previous_id": _text(body.get("previousId"))}
    else:
        base |= {"event": column(body["event"]), "event_text": body["event"]}
    yield TABLES[event.type], {**own, **base}
    if event.type == "track":
        yield track_table(body["event"]), {**flattened(event.properties), **base}


def track_table(name: str) -> str:
    """The table of a track event: its name in snake_case, set off where that is one of ours.

    >>> track_table("Order Completed"), track_table("Pages")
    ('order_completed', 'track_pages')
    """
    table = column(name)
    if len(table) > LONGEST:
        table = f"{table[:LONGEST]}_{row_id(name)[:8]}"
    return f"track_{table}" if table in RESERVED else table


def _text(value: object) -> str | None:
    return None if value is None else str(value)
