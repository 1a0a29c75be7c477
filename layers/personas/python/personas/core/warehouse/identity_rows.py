"""`id_graph_updates` and `external_id_mapping_updates`: how the identity graph became what it is, change by change.

Invariant: the last row of a profile in `id_graph_updates`, by seq, says which profile it is now. A merge therefore adds
a row for the loser, and one for each profile that the loser had absorbed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from personas.core.event import Event
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.warehouse.columns import Row, numbered, row_id
from personas.core.workspace import slug_of

_SOURCE = "triggering_event_source"
_TRIGGER = (
    *("triggering_event_id", "triggering_event_type", "triggering_event_name"),
    *(f"{_SOURCE}_id", f"{_SOURCE}_name", f"{_SOURCE}_slug"),
)
COLUMNS = {
    "id_graph_updates": ("canonical_segment_id", *_TRIGGER),
    "external_id_mapping_updates": ("external_id_type", "external_id_value", "external_id_hash", *_TRIGGER),
}
"""Besides those that every row has; also of a table without rows."""

FIRST = 1
"""The version of a profile with the facts of the event that made it."""


@dataclass(frozen=True, slots=True)
class Triggers:
    """What is known of the events that changed the graph."""

    events: Mapping[tuple[str, str], Event]
    """By source and messageId: they tell the timestamp and the name."""
    sources: Mapping[str, str]
    """Names by id; a source that was deleted has none."""

    def of(self, source: str, message_id: str, kind: str, received: int) -> Row:
        event, name = self.events.get((source, message_id)), self.sources.get(source)
        return {
            "triggering_event_id": message_id,
            "triggering_event_type": kind,
            "triggering_event_name": event.name if event else None,
            "triggering_event_source_id": source,
            "triggering_event_source_name": name,
            "triggering_event_source_slug": slug_of(name) if name else None,
            "received_at": received,
            "timestamp": event.at if event else received,
        }


def id_graph_updates(facts: Iterable[Fact], merges: Iterable[Merge], triggers: Triggers) -> list[Row]:
    """`merges` are of the users of a space, undone ones left out."""
    rows: list[tuple[Any, Row]] = []
    begun: set[str] = set()
    for fact in sorted(facts, key=lambda fact: (fact.seen.created_at, fact.version, fact.identifier)):
        if fact.version == FIRST and fact.profile not in begun:
            begun.add(fact.profile)
            seen = fact.seen
            trigger = triggers.of(seen.source_id, seen.first_message_id, fact.event, seen.created_at)
            rows.append(((seen.created_at, fact.version), _link(fact.profile, fact.profile, trigger)))
    part_of: dict[str, list[str]] = {}
    for merge in sorted(merges, key=lambda merge: (merge.at, merge.version, merge.id)):
        moved = [merge.loser, *part_of.pop(merge.loser, [])]
        part_of.setdefault(merge.survivor, []).extend(moved)
        trigger = triggers.of(merge.source_id, merge.message_id, merge.event, merge.at)
        rows += [((merge.at, merge.version), _link(profile, merge.survivor, trigger)) for profile in moved]
    return numbered(row for _, row in sorted(rows, key=lambda entry: entry[0]))


def external_id_mapping_updates(facts: Iterable[Fact], triggers: Triggers) -> list[Row]:
    """One row for each identifier, with the profile that it was first seen on."""
    rows = []
    for fact in sorted(facts, key=lambda fact: (fact.seen.created_at, fact.version, fact.identifier)):
        seen = fact.seen
        rows.append(
            {
                "id": row_id("external_id", fact.profile, seen.type, seen.id),
                "segment_id": fact.profile,
                "external_id_type": seen.type,
                "external_id_value": seen.id,
                "external_id_hash": row_id(seen.type, seen.id),
                **triggers.of(seen.source_id, seen.first_message_id, fact.event, seen.created_at),
            }
        )
    return numbered(rows)


def _link(profile: str, canonical: str, trigger: Row) -> Row:
    return {
        "id": row_id("id_graph", profile, canonical, str(trigger["triggering_event_id"])),
        "segment_id": profile,
        "canonical_segment_id": canonical,
        **trigger,
    }
