"""All tables of a space, from its facts, merges and archived events."""

from collections.abc import Iterable, Mapping

from personas.core.event import Event
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.warehouse.columns import Row, numbered
from personas.core.warehouse.event_rows import TABLES, event_rows
from personas.core.warehouse.identity_rows import Triggers, external_id_mapping_updates, id_graph_updates
from personas.core.warehouse.trait_rows import profile_traits_updates

Tables = dict[str, list[Row]]


def tables(
    facts: Iterable[Fact],
    merges: Iterable[Merge],
    events: Iterable[tuple[str, Event]],
    sources: Mapping[str, str],
    now_ms: int,
) -> Tables:
    """By name; those of calls that nobody made are absent. `events` with the profile that folded each, users only;
    `sources` are names by id."""
    facts, merges, events = list(facts), list(merges), list(events)
    triggers = Triggers({(event.source, event.message_id): event for _, event in events}, sources)
    found: Tables = {}
    for profile, event in events:
        if event.type in TABLES:
            for name, row in event_rows(profile, event):
                found.setdefault(name, []).append(row)
    found = {name: numbered(sorted(rows, key=lambda row: str(row["id"]))) for name, rows in found.items()}
    found |= {
        "id_graph_updates": id_graph_updates(facts, merges, triggers),
        "external_id_mapping_updates": external_id_mapping_updates(facts, triggers),
        "profile_traits_updates": profile_traits_updates(events, merges),
    }
    for rows in found.values():
        for row in rows:
            row["uuid_ts"] = now_ms
    return found
