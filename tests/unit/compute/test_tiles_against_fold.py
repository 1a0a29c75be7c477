"""The backfill's fold in SQL against the stream's code: the same rows of the archive become the same states, to the
byte.

Rows lie in several objects, with and without columns, and may lie in more than one; profiles fold events that others
fold too, and rows take such countings back; some rows were folded when the aggregates were kept already.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas import backfill_fold
from personas.core.backfill.fold import Fold
from personas.core.batch.cells import fields_of
from personas.core.compute import monoids
from personas.core.compute.definition_set import DefinitionSet
from personas.core.event import Event
from personas.core.moments import HOUR
from personas.core.profile.delivery import Accepted
from personas.core.query.definition import Definition
from personas.stores import archive, archive_cells, archive_scan
from personas.whose import Owners, Rows
from tests.unit.compute.archived import Objects, objects
from tests.unit.compute.histories import (
    NAMES,
    START,
    TRACK,
    History,
    definitions,
    evaluations,
    histories,
    moments,
    simple,
)

PROFILES = ("use_a", "use_b", "use_c")
REDUCERS = (
    *(
        "count()",
        "sum(property('p'))",
        "avg(property('p'))",
        "min(property('p'))",
        "max(property('p') as string)",
        "unique(property('p')).count()",
    ),
    *("first(property('p'))", "last(property('p'))", "mode(property('p'), 1)", "unique(property('p'))"),
)
EXAMPLES = settings().max_examples // 5
"""Each opens a database."""
WHOSE = Rows(frozenset(), Owners("sp"))


@dataclass(frozen=True, slots=True)
class Past:
    definitions: list[Definition]
    rows: list[Accepted]
    archive: Objects
    repeated: Sequence[int]
    """Places of rows that lie in the archive twice."""
    at: int


TEXTS = ("a", "ab", "25", "\x00", 'q"', "é")
NUMBERS = (0, 2, 25.0, -1.5, 0.1, 0.25, 9.75, 10**11)
tame = st.sampled_from([(*TEXTS, None), (*NUMBERS, None), (*TEXTS, *NUMBERS, None, True, ["a", 1])]).map(
    st.sampled_from
)
"""Of one type, or of several; nothing of which SQL says that it is wild."""


@st.composite
def tame_histories(draw: st.DrawFn) -> History:
    found = []
    p, q = draw(tame), draw(tame)
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=16)):
        inside = st.fixed_dictionaries(
            {"p": p, "q": q}, optional={"o": st.fixed_dictionaries({"x": p, "a.b": q}), "l": st.lists(p)}
        )
        body = {"messageId": "m", "properties": draw(inside), "context": draw(inside)}
        body |= {"type": "page", "name": "Home"} if name == "Page Viewed" else {"type": "track", "event": name}
        at = draw(moments)
        found.append(Event("sp", "src", at, at, body))
    return History(draw(definitions(8)), found, {}, frozenset(), draw(evaluations))


@st.composite
def pasts(draw: st.DrawFn, of: st.SearchStrategy[History] = histories) -> Past:
    history = draw(of)
    rows: list[Accepted] = []
    for number, event in enumerate(history.events):
        print_ = number.to_bytes(8, "big")
        for profile in draw(st.lists(st.sampled_from(PROFILES), min_size=1, max_size=2, unique=True)):
            version = draw(st.sampled_from([3, 3, 3, 4]))
            rows.append(Accepted((7, len(rows), 0), profile, event, print_, None, (), version))
        if draw(st.integers(0, 15)) == 0:
            rows.append(rows[-1]._replace(number=(7, len(rows), 0), taken_back=True))
    repeated = draw(st.lists(st.integers(0, max(0, len(rows) - 1)), max_size=3)) if rows else []
    return Past(
        history.definitions, rows, draw(objects), repeated, draw(st.sampled_from([history.at, START + 9 * HOUR]))
    )


def coming(found: Sequence[Definition]) -> DefinitionSet:
    return DefinitionSet.of(4, [], coming=found, kept_since={})


def tables_of(past: Past, definitions: DefinitionSet) -> list[pyarrow.Table]:
    """As `archive_scan.lane_tables` reads them."""
    fields, known = backfill_fold.fields_of(definitions), fields_of(definitions)
    every = [*past.rows, *(past.rows[place] for place in past.repeated)]
    made = []
    for number in range(len(past.archive.taken)):
        part = [row for at, row in enumerate(every) if past.archive.turns[at % len(past.archive.turns)] == number]
        file = archive.parquet_of([row for row in part if row.version < 4])
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(file))
        taken = past.archive.fields(number, known)
        if taken is not None:
            table = archive_cells.with_cells(table, taken)
        columns = archive_cells.columns_of(archive_cells.kinds_in(table.schema.metadata), fields)
        without = [name for name in archive_scan.LEDGER if name != "body"]
        made.append(
            archive_scan.plain(table.select([*archive_scan.LEDGER] if columns is None else [*without, *columns]))
        )
    return made


def said(parts: Iterable[backfill_fold.Part]) -> list[bytes]:
    return sorted(orjson.dumps(part, option=orjson.OPT_SORT_KEYS) for part in parts)


def holds(past: Past) -> None:
    definitions = coming(past.definitions)
    tables = tables_of(past, definitions)
    fold = Fold(definitions, past.at)
    for row in archive_scan.entries(_with_calls(past)):
        fold.take(row, row.profile)
    expected = said(fold.parts())
    for fewest in (0, 1_000_000):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(backfill_fold, "FEWEST_ROWS", fewest)
            assert said(backfill_fold.parts(definitions, tables, WHOSE, past.at)) == expected


def _with_calls(past: Past) -> list[pyarrow.Table]:
    """In the order in which the objects are read."""
    return tables_of(
        Past(past.definitions, past.rows, Objects(past.archive.turns, (None, None, None)), past.repeated, 0),
        coming(past.definitions),
    )


@settings(deadline=None, max_examples=EXAMPLES)
@given(pasts())
def test_whatever_is_defined_sql_folds_the_states_that_the_streams_code_folds(past: Past) -> None:
    holds(past)


@settings(deadline=None, max_examples=EXAMPLES)
@given(pasts(tame_histories()), st.sampled_from([2, 10_000]))
def test_so_it_does_where_hardly_anything_is_wild_and_few_values_are_kept(past: Past, largest: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(monoids, "LARGEST", largest)
        holds(past)


@pytest.mark.parametrize("path", ["p", "l.$"])
def test_no_sum_is_too_large_for_sql(path: str) -> None:
    history = [
        Event("sp", "src", START, START, {**TRACK, "properties": {"p": value, "l": [value, value]}})
        for value in [9e20, 9e20, 9_000_000_000_000_000, 10**12, 999_999_999_999.5] * 3
    ]
    rows = [Accepted((7, at, 0), PROFILES[at % 3], one, bytes([at] * 8), None) for at, one in enumerate(history)]
    rows.append(rows[-1]._replace(profile="use_d", fingerprint=bytes(8)))
    defined = [Definition("id", "d", "D", "computed_trait", "users", f"event('A').sum(property('{path}'))", 1)]
    for taken in (None, [True]):
        holds(Past(defined, rows, Objects([0], (taken, None, None)), (), START + HOUR))


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.sampled_from(REDUCERS).flatmap(lambda reducer: pasts(simple(reducer))))
def test_so_it_does_where_every_event_counts(past: Past) -> None:
    holds(past)
