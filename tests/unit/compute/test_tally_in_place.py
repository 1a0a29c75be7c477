"""What is said of the data of a tally as they lie in the state is what the tally says once it is unpacked."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.frame import FAR, Frame
from personas.core.compute.looking import operand_of, value_of
from personas.core.compute.reading import reading
from personas.core.compute.tallies import Tallies
from personas.core.compute.tally import Tally, added, looked
from personas.core.moments import HOUR
from personas.core.query.parser import parse

WINDOWS = ["", ".within(3 hours)", ".within(90 seconds)", ".between(1 hours, 4 hours)"]
REDUCERS = [
    "count()",
    "sum(property('p'))",
    "max(property('p'))",
    "last(property('p'))",
    "unique(property('p'))",
    "mode(property('p'))",
]
QUERIES = [parse(f"event('A'){window}.{reducer}") for window in WINDOWS for reducer in REDUCERS]
AGGREGATES = [Aggregate.of(query) for query in QUERIES]
READS = [reading(query) for query in QUERIES]
NUMBERS = st.lists(st.integers(-3, 9), max_size=2)
MOMENTS = st.integers(0, 12 * HOUR)
START = 500_000 * HOUR


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, list[Any], int, int]]:
    """What is done, with which values, when that happened, and when it is done."""
    kinds = st.sampled_from(["add", "add", "add", "take", "settle", "move out"])
    found = []
    for moment in sorted(draw(st.lists(MOMENTS, min_size=1, max_size=12))):
        now = START + moment
        at = now + draw(st.sampled_from([0, 0, 0, -HOUR, -5 * HOUR, 2 * HOUR]))
        found.append((draw(kinds), draw(NUMBERS), at, now))
    return found


@given(st.sampled_from(AGGREGATES), steps())
def test_an_event_is_added_and_looked_at_as_if_the_tally_were_unpacked(
    aggregate: Aggregate, steps: list[tuple[str, list[Any], int, int]]
) -> None:
    tally = Tally()
    for kind, numbers, at, now in steps:
        data = deepcopy(tally.to_data())
        values = _values(aggregate, numbers)
        if kind == "add":
            tally.add(aggregate, values, at, now)
            short = added(data if data != {"s": 0} else {}, aggregate, values, at, now)
            assert short is None or short == tally.to_data()
        elif kind == "take":
            tally.take(aggregate, values, at, now)
        elif kind == "settle":
            tally.settle(aggregate, now)
        else:
            tally.total, tally.tiles, tally.partials = None, [], []
        tally = Tally.of_data(deepcopy(tally.to_data()))
        for later in (0, 2, 9):
            hour = now // HOUR + later
            found = looked(tally.to_data(), aggregate, hour)
            assert found is None or found == tally.partial(aggregate, hour * HOUR, hour)
            _looks_alike(aggregate, tally, hour * HOUR)


def _looks_alike(aggregate: Aggregate, tally: Tally, at: int) -> None:
    """A formula reads what it would read if it looked the aggregate up."""
    read = READS[AGGREGATES.index(aggregate)]
    partial, seen, due = tally.partial(aggregate, at, at // HOUR)
    for look, expected in ((value_of, read(partial) if seen else None), (operand_of, read(partial))):
        frame = Frame(Tallies({aggregate.id: tally.to_data()}), {}, {}, at)
        assert [look(aggregate, read)(frame) for _ in range(2)] == [expected] * 2
        assert frame.due == (FAR if due is None else due)
        assert look(aggregate, read)(Frame(Tallies(), {}, {}, at)) == (None if look is value_of else read(None))


def test_what_has_just_happened_needs_no_unpacking() -> None:
    for aggregate in AGGREGATES[:18]:
        once = added({}, aggregate, _values(aggregate, [3]), START, START)
        assert once is not None
        again = added(once, aggregate, _values(aggregate, [4]), START + 2 * HOUR, START + 2 * HOUR)
        assert again is not None or aggregate.window
        assert looked(once, aggregate, START // HOUR) is not None


def _values(aggregate: Aggregate, numbers: list[int]) -> list[Any]:
    """As they are taken from an event."""
    if aggregate.id.startswith("c"):
        return [1] * bool(numbers)
    return [value for number in numbers for value in aggregate.values(({"p": number}, {}, "src", 0))]
