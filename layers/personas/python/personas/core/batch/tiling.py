"""Aggregates folded in SQL: of every profile the tallies that the stream's code would have folded from the same rows.

It reads the relations `rows` and `celled` as the plan of values does (core/batch/plan.py), and makes a temporary table
`called` of what it asks of calls. The text that it gives of a profile is the JSON of its tallies by aggregate, as
`Tallies.to_data` gives them, except that the tiles lie in no order and are not counted from each other: `tallies_of`
puts that right. It is about rows that have happened, and that nobody has taken back.

Invariant: of a profile that is not `wild` the tallies are those of the stream's code; of one that is, nothing is said.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import sub
from typing import Any

import orjson

from personas.core.batch import sql
from personas.core.batch.cells import Cells
from personas.core.batch.facts import Facts
from personas.core.batch.partials import counted, partial
from personas.core.batch.reducing import Source
from personas.core.batch.streams import alone, source_of
from personas.core.compute.aggregate import Aggregate
from personas.core.compute.monoids import LARGEST
from personas.core.compute.windows import TileWindow
from personas.core.moments import HOUR
from personas.core.query.tree import Reduced


@dataclass(frozen=True, slots=True)
class Tiled:
    """How the tallies of some aggregates are asked for."""

    statements: tuple[str, ...]
    """To be run in this order; the last one is the query: (p, wild, the text of the tallies)."""
    windowed: frozenset[str]
    """The ids of the aggregates that have tiles."""

    def tallies_of(self, text: str) -> dict[str, Any]:
        """As the stream's code packs them."""
        found: dict[str, Any] = orjson.loads(text)
        for name in self.windowed & found.keys():
            flat = found[name].get("w")
            if flat is not None:
                _put_in_order(flat)
        return found


def _put_in_order(flat: list[Any]) -> None:
    tiles = flat[0::2]
    if len(tiles) > 1:
        ordered = sorted(tiles)
        if ordered != tiles:
            partials = dict(zip(tiles, flat[1::2], strict=True))
            flat[1::2] = [partials[tile] for tile in ordered]
        flat[0::2] = map(sub, ordered, (0, *ordered))


def tiled(
    aggregates: Iterable[Aggregate], now: int, cells: Cells | None, largest: int = LARGEST, calls: bool = True
) -> Tiled:
    """`now`, in ms: what no window of an aggregate will see any more is not kept. Every aggregate is of a reduced
    stream. Without `calls` there is nothing in `rows`, which is not read."""
    planner = _Planner(now, largest, cells, calls or cells is None)
    asked = list(aggregates)
    for aggregate in asked:
        planner.add(aggregate)
    windowed = frozenset(aggregate.id for aggregate in asked if aggregate.window is not None)
    statements = list(planner.statements())
    return Tiled((*sql.create_macros(" ".join(statements)), *statements), windowed)


@dataclass(slots=True)
class _Level:
    """What is grouped by profile, or by profile and tile."""

    name: str
    columns: dict[str, str] = field(default_factory=dict)
    rows: dict[str, None] = field(default_factory=dict)

    def column(self, aggregate: str) -> str:
        return self.columns.setdefault(aggregate, f"{self.name}a{len(self.columns)}")


class _Planner:
    def __init__(self, now: int, largest: int, cells: Cells | None, calls: bool) -> None:
        self._now, self._largest = now, largest
        self._cells, self._calls = cells, calls
        self._facts = Facts(None if calls else cells)
        self._conditions: dict[str, str] = {}
        self._whole = _Level("g")
        self._by_tile: dict[str, _Level] = {}
        self._counted: dict[tuple[str, str, str | None], str] = {}
        """By rows, key and tile: the name of the table."""
        self._texts: list[str] = []
        self._wild = ["g.wild"]

    def add(self, aggregate: Aggregate) -> None:
        reduced, window = _reduced(aggregate), aggregate.window
        source = source_of(self._facts, reduced, "r")
        said = alone(self._facts, reduced.stream, reduced.stream.where, aggregate.since, "r", self._now)
        rows = self._condition(sql.all_of(said))
        seen = self._whole.column(f"count(*) FILTER (WHERE {rows})")
        if window is None:
            kept = f"""'"t":' || {self._found(reduced, source, rows, None)}"""
        else:
            rows += f" AND {self._condition(f'r.ts >= {self._now // HOUR * HOUR - window.end}')}"
            kept = f"""'"w":[' || {self._found(reduced, source, rows, _tile(window))} || ']'"""
        text = f"""'"{aggregate.id}":{{' || coalesce({kept}, '') || '}}'"""
        self._texts.append(f"CASE WHEN g.{seen} > 0 THEN {text} END")

    def _found(self, reduced: Reduced, source: Source | None, rows: str, tile: str | None) -> str:
        """The column of the partial, or of the tiles with theirs."""
        key = counted(reduced, source)
        if key is not None:
            name = self._counted.setdefault((rows, key, tile), f"h{len(self._counted)}")
            too_many = f"coalesce({name}.too_many, FALSE)"
            if too_many not in self._wild:
                self._wild.append(too_many)
            return f"{name}.found"
        text = partial(reduced, source, rows)
        if tile is None:
            return f"g.{self._whole.column(text)}"
        level = self._by_tile.setdefault(tile, _Level(f"w{len(self._by_tile)}"))
        level.rows[rows] = None
        return f"{level.name}.{level.column(text)}"

    def _condition(self, condition: str) -> str:
        return self._conditions.setdefault(condition, f"c{len(self._conditions)}")

    def statements(self) -> Iterator[str]:
        first, facts = self._facts.of_rows(self._now, self._cells, self._calls, once=True)
        yield from first
        marked = "".join(f", {condition} AS {name}" for condition, name in self._conditions.items())
        marked = f"(SELECT r.*{marked} FROM ({facts}) r) r"
        columns = "".join(f", {text} AS {name}" for text, name in self._whole.columns.items())
        tables = {"g": f"SELECT p, bool_or(wild) AS wild{columns} FROM {marked} GROUP BY p"}
        tables |= {level.name: _tiles(level, tile, marked) for tile, level in self._by_tile.items()}
        tables |= {name: self._pairs(*asked, marked) for asked, name in self._counted.items()}
        named = ", ".join(f"{name} AS ({select})" for name, select in tables.items())
        joins = "".join(f" LEFT JOIN {name} ON {name}.p = g.p" for name in tables if name != "g")
        text = f"concat_ws(',', {', '.join(self._texts)})" if self._texts else "''"
        yield f"WITH {named} SELECT g.p, {sql.any_of(self._wild)} AS wild, '{{' || {text} || '}}' FROM g{joins}"

    def _pairs(self, rows: str, key: str, tile: str | None, marked: str) -> str:
        by = ", tile" if tile else ""
        of_row = f"SELECT p{f', {tile} AS tile' if tile else ''}, {key} AS v FROM {marked} WHERE {rows}"
        pairs = f"SELECT p{by}, v, count(*) AS n FROM ({of_row}) WHERE v IS NOT NULL GROUP BY p{by}, v"
        text = "'{' || string_agg(to_json(v)::VARCHAR || ':' || n, ',') || '}'"
        found = f"""SELECT p{by}, count(*) > {self._largest} AS too_many, {text} AS found FROM ({pairs})
            GROUP BY p{by}"""
        if not tile:
            return found
        texts = "string_agg(tile || ',' || found, ',') AS found"
        return f"SELECT p, bool_or(too_many) AS too_many, {texts} FROM ({found}) GROUP BY p"


def _tiles(level: _Level, tile: str, marked: str) -> str:
    columns = "".join(f", {text} AS {name}" for text, name in level.columns.items())
    rows = sql.any_of([f"({rows})" for rows in level.rows])
    grouped = f"SELECT p, {tile} AS tile{columns} FROM {marked} WHERE {rows} GROUP BY p, tile"
    texts = "".join(f", string_agg(tile || ',' || {name}, ',') AS {name}" for name in level.columns.values())
    return f"SELECT p{texts} FROM ({grouped}) GROUP BY p"


def _tile(window: TileWindow) -> str:
    """As `TileWindow.tile`; no moment lies before 1970."""
    last = f"(r.ts + {window.end}) // {HOUR}"
    if window.start is None:
        return last
    apart = (window.end - window.start) // HOUR
    return f"({last} * 3 - (r.ts + {window.start}) // {HOUR} - {apart})"


def _reduced(aggregate: Aggregate) -> Reduced:
    if aggregate.reduced is None:
        raise TypeError(f"{aggregate.id} is a list of events")
    return aggregate.reduced


def may_be_tiled(aggregates: Iterable[Aggregate]) -> tuple[Sequence[Aggregate], Sequence[Aggregate]]:
    """Those of reduced streams, and those that are lists of events, which SQL does not fold."""
    found = list(aggregates)
    return [one for one in found if one.reduced is not None], [one for one in found if one.reduced is None]
