"""The tables of Segment's Profiles Sync, as views over the archive's logs: nothing that was recorded is put twice.

Invariant: a view shows each event, change and identifier once, whatever the logs repeat until the nightly compaction.
What is asked of one `day` of the event tables reads that day's objects alone.
"""

from collections.abc import Mapping

from personas.core.warehouse.columns import BIGINT, TIMESTAMP, VARCHAR, Columns, named
from personas.core.warehouse.dialect import Dialect, literal, quoted
from personas.core.warehouse.graph_views import graph_views
from personas.core.warehouse.schema import CALLS, TRAITS, Schema
from personas.core.warehouse.trait_views import trait_views
from personas.core.warehouse.view import Expressions, Logs, View, first_of, learnt


def views(schema: Schema, sources: Mapping[str, str], dialect: Dialect, logs: Logs) -> list[View]:
    """Each after those that it is made of. `sources`: names by id; one that was deleted has none."""
    traits = schema.tables.get(TRAITS, Columns())
    calls = [_call_view(kind, schema, dialect, logs) for kind in CALLS]
    tracks = [_track_view(name, schema, dialect, logs) for name in sorted(schema.events)]
    return [*graph_views(sources, dialect, logs), *trait_views(traits, dialect, logs), *calls, *tracks]


def _call_view(kind: str, schema: Schema, dialect: Dialect, logs: Logs) -> View:
    table = CALLS[kind]
    own: dict[str, Expressions] = {
        "page": {"name": (VARCHAR, dialect.text("body", ("name",)))},
        "screen": {"name": (VARCHAR, dialect.text("body", ("name",)))},
        "group": {"group_id": (VARCHAR, dialect.text("body", ("groupId",)))},
        "alias": {"previous_id": (VARCHAR, dialect.text("body", ("previousId",)))},
        "track": {"event": (VARCHAR, dialect.named(quoted("event"))), "event_text": (VARCHAR, quoted("event"))},
    }
    columns = schema.tables.get(table, Columns())
    return _over_events(table, f'"type" = {literal(kind)}', own.get(kind, {}), columns, dialect, logs)


def _track_view(table: str, schema: Schema, dialect: Dialect, logs: Logs) -> View:
    names = sorted(schema.events[table])
    own = {"event": (VARCHAR, literal(named(names[0]))), "event_text": (VARCHAR, quoted("event"))}
    which = f'"type" = \'track\' AND "event" IN ({", ".join(map(literal, names))})'
    return _over_events(table, which, own, schema.tables[table], dialect, logs)


def _over_events(table: str, which: str, own: Expressions, columns: Columns, dialect: Dialect, logs: Logs) -> View:
    """The profile is that which folded the event first. An event lies under one day, so that a condition on the day
    goes through to the objects."""
    ours: Expressions = {
        "id": (VARCHAR, quoted("message_id")),
        "event_id": (VARCHAR, quoted("message_id")),
        "segment_id": (VARCHAR, quoted("profile")),
        "event_source_id": (VARCHAR, quoted("source")),
        "anonymous_id": (VARCHAR, quoted("anonymous_id")),
        "user_id": (VARCHAR, quoted("user_id")),
        **own,
        "received_at": (TIMESTAMP, quoted("received")),
        "timestamp": (TIMESTAMP, quoted("at")),
        "uuid_ts": (TIMESTAMP, quoted("received")),
        "seq": (BIGINT, f"{dialect.milliseconds('received')} * 1000000 + CAST(lane AS bigint) * 3900 + place % 3900"),
        "day": (VARCHAR, quoted("day")),
    }
    users = "substr(profile, 1, 4) <> 'acc_'"
    return View.of(
        table,
        {**ours, **learnt(columns, "body", dialect, ours)},
        first_of(
            logs.events, ("day", "source", "message_id"), "seq, profile", f"NOT taken_back AND {users} AND {which}"
        ),
    )
