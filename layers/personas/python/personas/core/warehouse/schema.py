"""Which tables a space has, and which columns are learnt for each: from the events and traits that were recorded.

Invariant: as in columns.py, learning is order-free and may be repeated; so shards of a day learn by themselves.

>>> schema = Schema()
>>> schema.see_event({"type": "track", "event": "Order Completed", "properties": {"orderId": 7}})
>>> schema.see_event({"type": "page", "context": {"url": "x"}})
>>> sorted(schema.tables), schema.events, list(schema.tables["pages"].by_name)
(['order_completed', 'pages', 'tracks'], {'order_completed': {'Order Completed'}}, ['context_url'])
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from personas.core.warehouse.columns import Columns, named

CALLS = {
    "identify": "identifies",
    "page": "pages",
    "group": "groups",
    "screen": "screens",
    "alias": "aliases",
    "track": "tracks",
}
"""The table of each type of call."""
BODIES = {"identify": "traits", "group": "traits", "page": "properties", "screen": "properties"}
"""What of a call's own becomes columns of its table."""
TRAITS = "profile_traits_updates"
OURS = frozenset(
    (
        *CALLS.values(),
        *("id_graph_updates", "external_id_mapping_updates", TRAITS),
        *("id_graph", "external_id_mapping", "profile_traits"),
        *("user_traits", "user_identifiers", "profile_merges", "account_traits", "account_identifiers"),
    )
)
"""Names that a track event's table gives way to."""

LONGEST = 60
"""Characters of the name of a table, before what tells it from others that begin likewise."""
MOST = 1_000
"""Tables of track events: names that are made up by the thousand are in `tracks` all the same."""


@dataclass(slots=True)
class Schema:
    tables: dict[str, Columns] = field(default_factory=dict)
    events: dict[str, set[str]] = field(default_factory=dict)
    """The names of the events whose table it is, of track events' tables."""

    def see_event(self, body: Mapping[str, Any]) -> None:
        """`body`: of a call, as the archive has it."""
        kind = body["type"]
        if kind not in CALLS:
            return
        context = body.get("context") or {}
        columns = self.table(CALLS[kind])
        columns.see(context, ("context",), "context")
        if kind in BODIES:
            columns.see(body.get(BODIES[kind]) or {}, (BODIES[kind],))
        if kind == "track" and (table := self._track_table(str(body["event"]))):
            table.see(body.get("properties") or {}, ("properties",))
            table.see(context, ("context",), "context")

    def see_traits(self, traits: Mapping[str, Any]) -> None:
        self.table(TRAITS).see(traits)

    def table(self, name: str) -> Columns:
        return self.tables.setdefault(name, Columns())

    def unite(self, other: "Schema") -> None:
        for event in sorted(event for events in other.events.values() for event in events):
            self._track_table(event)
        for name, columns in other.tables.items():
            if name not in other.events or name in self.events:
                self.table(name).unite(columns)

    def _track_table(self, event: str) -> Columns | None:
        name = track_table(event)
        if name not in self.events and len(self.events) >= MOST:
            return None
        self.events.setdefault(name, set()).add(event)
        return self.table(name)

    def to_data(self) -> dict[str, Any]:
        return {
            "tables": {name: columns.to_data() for name, columns in sorted(self.tables.items())},
            "events": {name: sorted(events) for name, events in sorted(self.events.items())},
        }

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> "Schema":
        return cls(
            {name: Columns.of_data(columns) for name, columns in data["tables"].items()},
            {name: set(events) for name, events in data["events"].items()},
        )


def track_table(event: str) -> str:
    """The table of a track event: its name in snake_case, set off where that is one of ours.

    >>> track_table("Order Completed"), track_table("Pages")
    ('order_completed', 'track_pages')
    """
    table = named(event)
    if len(table) > LONGEST:
        table = f"{table[:LONGEST]}_{blake2b(event.encode(), digest_size=4).hexdigest()}"
    return f"track_{table}" if table in OURS else table
