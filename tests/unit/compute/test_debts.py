"""What is taken back before it was counted, or after it was cut, is a debt: nothing fails, and the end is right."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.core.compute import monoids
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.monoids import MONOIDS, event_key, key_of
from personas.core.compute.reading import reading
from personas.core.compute.state import ComputeState
from personas.core.event import Event
from personas.core.query.definition import Definition
from personas.core.query.tree import Reduced, Stream

KEPT: dict[str, Any] = {
    "count": lambda _number: 1,
    "total": lambda number: number,
    "values": key_of,
    "events": lambda number: event_key(number, []),
}
READ = {"count": ("count",), "total": ("sum", "avg"), "values": ("unique", "unique_count", "mode"), "events": ()}
NUMBERS = st.lists(st.integers(-3, 3), max_size=6)


@pytest.mark.parametrize("name", KEPT)
@given(stay=NUMBERS, twice=NUMBERS, data=st.data())
def test_in_whatever_order_it_is_added_and_taken_back_what_stays_is_what_was_added_once(
    name: str, stay: list[int], twice: list[int], data: st.DataObject
) -> None:
    monoid, value = MONOIDS[name], KEPT[name]
    steps = [(number, 1) for number in (*stay, *twice, *twice)] + [(number, -1) for number in twice]
    partial: Any = None
    for number, sign in data.draw(st.permutations(steps)):
        step = monoid.add if sign > 0 else lambda partial, value, _at: monoid.take(partial, value)
        partial = step(partial, value(number), 0)
        for reducer in READ[name]:
            reading(Reduced(Stream("E"), reducer))(partial)
    wanted: Any = None
    for number in (*stay, *twice):
        wanted = monoid.add(wanted, value(number), 0)
    assert standing(partial) == standing(wanted)


def standing(partial: Any) -> Any:
    """Nothing is kept in more than one way: as None, as zeros."""
    if isinstance(partial, dict):
        return +Counter(partial)
    if isinstance(partial, list):
        return [partial[0], str(partial[1]), partial[2]] if partial[0] or partial[1] else None
    return partial or None


@pytest.mark.parametrize(("reducer", "value"), [("count", 0), ("avg", None)])
def test_what_is_owed_is_not_shown(reducer: str, value: Any) -> None:
    owed = MONOIDS["count"].take(None, 1) if reducer == "count" else MONOIDS["total"].take(None, 5)
    assert reading(Reduced(Stream("E"), reducer))(owed) == value


def test_a_value_that_was_cut_and_is_taken_back_is_not_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of two profiles folded the events, and each had cut the last value before they became one."""
    monkeypatch.setattr(monoids, "LARGEST", 2)
    query = "event('E').unique(property('p'))"
    compiled = DefinitionSet.of(1, [Definition("id", "u", "U", "computed_trait", "users", query, 1)])
    events = [
        Event("sp", "src", 0, 0, {"type": "track", "event": "E", "messageId": value, "properties": {"p": value}})
        for value in ("a", "b", "c")
    ]
    one, other = ComputeState(), ComputeState()
    for event in events:
        one.add(compiled, event, 0)
        other.add(compiled, event, 0)
    one.absorb(other)
    for event in events:
        one.retract(compiled, event, 0)
    assert one.evaluate(compiled, {}, {"user_id"}, 0).values == {"u": ["a", "b"]}
