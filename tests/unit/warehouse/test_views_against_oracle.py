"""The event tables in DuckDB say what a few obvious lines find in the events, whatever these are called and repeat."""

from collections.abc import Mapping
from typing import Any

import duckdb
import orjson
import pyarrow
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.core.warehouse.columns import BIGINT, BOOLEAN, DOUBLE, Path, named
from personas.core.warehouse.dialect import DUCKDB
from personas.core.warehouse.schema import CALLS, Schema
from personas.core.warehouse.view import Logs, View
from personas.core.warehouse.views import views
from personas.stores import archive, identity_log, trait_log

Body = dict[str, Any]
NAMES = st.sampled_from(
    ["Order Completed", "order_completed", "Pages", "it's", 'say "hi"', "Größe", "select", "!", "", "x" * 90, "a\\b"]
)
KEYS = st.sampled_from(["id", "orderId", "order_id", "total", "a.b", "$x", "[0]", "it's", "ü", "9", "day", "copy"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(-1e6, 1e6, allow_nan=False),
    st.sampled_from(["", "x", "true", "7", "it's", "ü", '"']),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
BODIES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(sorted(CALLS)),
        "event": NAMES,
        "properties": OBJECTS,
        "traits": OBJECTS,
        "context": OBJECTS,
    }
)


@settings(max_examples=100, deadline=None)
@given(st.lists(BODIES, min_size=1, max_size=6), st.lists(st.integers(1, 3), min_size=6, max_size=6))
def test_each_event_has_one_row_with_what_it_brought(bodies: list[Body], copies: list[int]) -> None:
    events = [{**body, "messageId": f"m{number}"} for number, body in enumerate(bodies)]
    schema = Schema()
    for body in events:
        schema.see_event(body)
    with duckdb.connect() as database:
        _fill(database, events, copies)
        for view in views(schema, {}, DUCKDB, Logs("events_log", "identity_log", "traits_log")):
            database.execute(view.statement)
            if view.name in schema.tables or view.name in CALLS.values():
                mine = [body for body in events if view.name in _tables(body, schema)]
                assert _rows(database, view) == _expected(view, schema, mine)


def _fill(database: duckdb.DuckDBPyConnection, events: list[Body], copies: list[int]) -> None:
    rows = [
        {
            **dict.fromkeys(archive.schema().names),
            "space": "sp",
            "profile": f"use_{copy}",
            "lane": copy,
            "seq": f"{copy:03d}",
            "place": 0,
            "version": 1,
            "taken_back": False,
            "source": "src",
            "message_id": body["messageId"],
            "type": body["type"],
            "event": body["event"] if body["type"] == "track" else None,
            "at": 0,
            "received": 0,
            "body": orjson.dumps(body).decode(),
        }
        for place, body in enumerate(events)
        for copy in range(copies[place])
    ]
    log = pyarrow.Table.from_pylist(rows, schema=archive.schema())
    log = log.append_column("day", pyarrow.array(["1970-01-01"] * len(log)))
    database.register("events_log", log)
    database.register("identity_log", identity_log.schema().empty_table())
    database.register("traits_log", trait_log.schema().empty_table())


def _tables(body: Body, schema: Schema) -> set[str]:
    named = {table for table, names in schema.events.items() if body["type"] == "track" and body["event"] in names}
    return {CALLS[body["type"]], *named}


def _rows(database: duckdb.DuckDBPyConnection, view: View) -> list[tuple[Any, ...]]:
    names = ", ".join(f'"{name}"' for name, type in view.columns if type != "timestamp")
    return sorted(database.execute(f'SELECT {names} FROM "{view.name}"').fetchall(), key=str)


def _expected(view: View, schema: Schema, bodies: list[Body]) -> list[tuple[Any, ...]]:
    learnt = schema.tables[view.name].by_name if view.name in schema.tables else {}
    ours = {"id", "event_id", "segment_id", "event_source_id", "anonymous_id", "user_id", "name", "group_id"}
    ours |= {"previous_id", "event", "event_text", "seq", "day"}
    found = []
    for body in bodies:
        row: list[Any] = []
        for name, type in view.columns:
            if type == "timestamp":
                continue
            if name in ours and _is_ours(name, body["type"]):
                row.append(_of_ours(name, body))
            else:
                values = [_at(body, path) for path in learnt[name].paths]
                row.append(_typed(next((value for value in values if value is not None), None), type))
        found.append(tuple(row))
    return sorted(found, key=str)


def _is_ours(name: str, kind: str) -> bool:
    of_kinds = {"name": ("page", "screen"), "group_id": ("group",), "previous_id": ("alias",)}
    of_kinds |= dict.fromkeys(("event", "event_text"), ("track",))
    return kind in of_kinds.get(name, CALLS)


def _of_ours(name: str, body: Body) -> Any:
    told = {"id": body["messageId"], "event_id": body["messageId"], "segment_id": "use_0", "event_source_id": "src"}
    told |= {"day": "1970-01-01", "seq": 0, "event": named(body["event"]), "event_text": body["event"]}
    return told.get(name)


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _typed(value: Any, type: str) -> Any:
    if value is None or isinstance(value, str):
        return value
    if type == BOOLEAN:
        return value if isinstance(value, bool) else None
    if type in (BIGINT, DOUBLE):
        return None if isinstance(value, (Mapping, list)) else (int if type == BIGINT else float)(value)
    return orjson.dumps(value).decode()
