"""Whatever numbers and booleans a column holds: read from their types they are what they are in the calls, to the last
digit, and also where they lie as texts in objects from before there were types."""

from decimal import Decimal
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from personas.core.batch.cells import BOOLEAN, DECIMAL, LONG, NUMBER, TEXT, TRUTH, Cell, named
from personas.core.batch.facts import Facts
from personas.core.batch.sql import MACROS, create_macros
from personas.core.batch.values import Constant
from personas.core.event import Event
from personas.core.query.path import Path
from personas.core.query.tree import Field
from personas.stores import archive_cells
from personas.stores.typed_columns import alike, as_texts, typed
from tests.unit.compute.archived import as_before_types, database, row

DATABASE = database()
for macro in create_macros():
    DATABASE.execute(macro)
FIELD = Field("property", Path(("p",)))
FORMS = "ystndojlm"
CONSTANTS = (1, 25, 0.1, -0.0, 2**60, 1e300, "25", "25.0", "", "true", True, False)

decimals = st.builds(
    lambda whole, scale: float(Decimal(whole).scaleb(-scale)), st.integers(-(10**9), 10**9), st.integers(0, 9)
)
numbers = (
    st.sampled_from([0, -0.0, 0.0, 25.0, 0.1, -0.1, 1e11, 0.0001, 0.00012345, 999999999999, 0.12345678901234567, 2.5])
    | st.integers(-(10**6), 10**6)
    | decimals
    | st.floats(-1e6, 1e6)
)
wild = st.sampled_from([2**53, 2**60, -(10**12), 1e12, 1e300, 0.00001, 1e-7])
values = st.lists(st.none() | decimals) | st.lists(st.none() | numbers) | st.lists(numbers | wild)
values |= st.lists(st.none() | st.booleans()) | st.lists(
    st.none() | numbers | st.booleans() | st.sampled_from(["", "5"])
)


def rows(values: list[Any], first: int = 0) -> pyarrow.Table:
    """Of each value an event of a profile of its own."""
    events = [Event("sp", "src", 1, 1, {"type": "track", "event": "A", "properties": {"p": value}}) for value in values]
    columns = zip(*(row(str(first + place), event) for place, event in enumerate(events)), strict=True)
    names = ("p", "event", "source", "type", "ts", "body")
    if not values:
        return pyarrow.table({name: pyarrow.array([], pyarrow.int64() if name == "ts" else "string") for name in names})
    return pyarrow.table(dict(zip(names, map(list, columns), strict=True)))


def celled(values: list[Any], first: int = 0, before: bool = False) -> pyarrow.Table:
    made = archive_cells.with_cells(rows(values, first), [FIELD])
    return as_before_types(made) if before else made


def facts_of(tables: list[pyarrow.Table]) -> tuple[list[Any], list[Any], Cell]:
    """All forms, and what is wild, of the calls and of the columns; of what is wild only that it is."""
    facts = Facts()
    facts.operand(FIELD, "A", "r")
    facts.summed(FIELD)
    names = [facts.form(FIELD, form) for form in FORMS]
    names += [facts.equal(FIELD, Constant(constant)) for constant in CONSTANTS]
    united, cells = archive_cells.united(tables, [FIELD])
    DATABASE.register("celled", united)
    DATABASE.register("rows", united)

    def read(select: str) -> list[Any]:
        forms = ", ".join(f"CASE WHEN NOT wild THEN {name} END" for name in names)
        return DATABASE.execute(f"SELECT p, wild, {forms} FROM ({select}) ORDER BY p::BIGINT").fetchall()

    def shown(found: list[Any]) -> list[Any]:
        """A decimal by its value: how many digits it could have had is nothing to see."""
        # Whether what is missing were a text nobody asks.
        kept = [[*one[:3], one[3] if one[2] else None, *one[4:]] for one in found]
        return [[str(cell.normalize()) if isinstance(cell, Decimal) else cell for cell in one] for one in kept]

    return shown(read(facts.of_calls(1))), shown(read(facts.of_cells(1, cells))), cells[FIELD]


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(values, st.booleans()), min_size=1, max_size=3))
@example([([0.5, 25.0, None], False), ([0.25, -0.0], True), ([0.00001234], False)])
@example([([123456789012.1], False), ([0.00012345678], False)])
@example([([True, None], False), ([False], True)])
@example([([0.0, 0.00012345], False), ([True], False), ([None], False)])
def test_forms_of_columns_are_those_of_the_calls(objects: list[tuple[list[Any], bool]]) -> None:
    tables = [celled(found, 1_000 * place, before) for place, (found, before) in enumerate(objects)]
    calls, columns, _ = facts_of(tables)
    assert columns == calls


@settings(deadline=None)
@given(values)
@example([-0.0, 0.000000001, 1])
def test_texts_of_a_typed_column_are_those_it_was_made_from(found: list[Any]) -> None:
    made, before = celled(found), celled(found, before=True)
    name = named(FIELD)
    if name in made.column_names:
        assert as_texts(made[name]).to_pylist() == before[name].to_pylist()


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ([1, 2.5, None], DECIMAL),
        ([10**11, 0.001], DECIMAL),
        ([0.1234567890123456, 5], NUMBER),
        ([999999999999, 0.0001], NUMBER),
        ([True, None], TRUTH),
        ([10**12], LONG),
        (["5"], TEXT),
    ],
    ids=["numbers", "many digits", "a long fraction", "more digits than fit", "booleans", "beyond sums", "text"],
)
def test_a_column_has_a_type_where_it_holds_all_of_it_exactly(found: list[Any], kind: int) -> None:
    assert archive_cells.kinds_in(celled(found).schema.metadata) == {named(FIELD): kind}


def test_columns_of_both_generations_are_read_as_one_by_their_types_where_these_fit() -> None:
    assert facts_of([celled([1.5]), celled([0.25], 10, before=True)])[2].kind == DECIMAL
    assert facts_of([celled([True]), celled([False], 10, before=True)])[2].kind == TRUTH
    assert facts_of([celled([10**11]), celled([0.00012345], 10)])[2].kind == NUMBER
    assert facts_of([celled([1]), celled([True], 10)])[2].kind == "k0"


def test_columns_with_other_scales_get_the_finest() -> None:
    columns = [typed(pyarrow.chunked_array([[text]]), NUMBER) for text in ("7", "0.125")]
    made = alike(columns)
    assert [column.type.scale for column, _ in made] == [3, 3]
    assert [as_texts(column).to_pylist() for column, _ in made] == [["7"], ["0.125"]]
    assert typed(pyarrow.chunked_array([["true", None]]), BOOLEAN)[0].to_pylist() == [True, None]


def test_only_macros_that_are_used_are_made_after_those_that_they_use() -> None:
    made = [one.split(" MACRO ")[1].split("(")[0] for one in create_macros("SELECT decimal_text(v0), rarity(n)")]
    assert made == ["number_text", "rarity", "decimal_text"]
    assert len(create_macros()) == len(MACROS)
