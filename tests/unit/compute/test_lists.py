"""What is kept in lists: when values turn, what two profiles share, what is let go, and how much there can be."""

import pytest

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.monoids import LARGEST
from personas.core.compute.state import ComputeState
from personas.core.event import Event
from personas.core.moments import DAY, HOUR, MINUTE
from personas.core.query.definition import Definition

NOW = 1_000 * DAY + 90 * MINUTE
ABANDONED = "event('A').where(event('B').within(parent: 1 day).count() = 0).count()"
BOTH = "event('A').where(event('B').within(parent: 1 day).count() >= 1).within(7 days).count()"
SESSION = "event('A').expires_after(3 hours).count()"


def of(query: str) -> DefinitionSet:
    return DefinitionSet.of(1, [Definition("id", "d", "D", "computed_trait", "users", query, 1)])


def event(name: str, at: int, value: object = None) -> Event:
    body = {"type": "track", "event": name, "messageId": f"{name}{at}", "properties": {"p": value}}
    return Event("sp", "src", at, at, body)


def look(state: ComputeState, definitions: DefinitionSet, at: int) -> tuple[object, int | None]:
    evaluation = state.evaluate(definitions, {}, {"email"}, at)
    return evaluation.values.get("d"), evaluation.due


def test_a_parent_is_out_once_its_child_has_come() -> None:
    definitions, state = of(ABANDONED), ComputeState()
    state.add(definitions, event("A", NOW), NOW)
    assert look(state, definitions, NOW) == (1, None)
    state.add(definitions, event("B", NOW + DAY), NOW + DAY)
    assert look(state, definitions, NOW + DAY) == (0, None)


def test_a_parent_that_is_to_have_its_full_day_enters_when_the_day_is_over_and_says_so_in_advance() -> None:
    definitions, state = of(ABANDONED.replace("event('A')", "event('A').between(1 day, 8 days)")), ComputeState()
    state.add(definitions, event("A", NOW), NOW)
    hour = (NOW + DAY) // HOUR + 1
    assert look(state, definitions, NOW) == (0, hour)
    assert look(state, definitions, hour * HOUR) == (1, hour + 7 * 24)


def test_a_child_that_comes_late_still_takes_the_parent_out() -> None:
    definitions, state = of(ABANDONED), ComputeState()
    state.add(definitions, event("A", NOW - 2 * DAY), NOW)
    assert look(state, definitions, NOW)[0] == 1
    state.add(definitions, event("B", NOW - DAY - HOUR), NOW)
    assert look(state, definitions, NOW) == (0, None)


def test_a_child_from_the_future_counts_from_its_own_moment_on() -> None:
    definitions, state = of(BOTH), ComputeState()
    state.add(definitions, event("A", NOW), NOW)
    state.add(definitions, event("B", NOW + HOUR), NOW)
    assert look(state, definitions, NOW) == (0, (NOW + HOUR) // HOUR + 1)
    assert look(state, definitions, NOW + HOUR)[0] == 1


def test_a_session_ends_after_its_pause_and_says_so_in_advance() -> None:
    definitions, state = of(SESSION), ComputeState()
    for ago in (5 * HOUR, HOUR, 0):
        state.add(definitions, event("A", NOW - ago), NOW)
    assert look(state, definitions, NOW) == (2, (NOW + 3 * HOUR) // HOUR + 1)
    assert look(state, definitions, NOW + 3 * HOUR - 1)[0] == 2
    assert look(state, definitions, NOW + 3 * HOUR) == (0, None)


def test_a_late_event_joins_two_sessions() -> None:
    definitions, state = of(SESSION), ComputeState()
    for ago in (4 * HOUR, 0, 2 * HOUR):
        state.add(definitions, event("A", NOW - ago), NOW)
    assert look(state, definitions, NOW)[0] == 3


@pytest.mark.parametrize("query", [BOTH, SESSION, "event('A').where(property('p') != trait('t')).sum(property('p'))"])
def test_an_event_on_both_sides_of_a_merge_is_taken_back_once(query: str) -> None:
    definitions = of(query)
    one, other, whole = ComputeState(), ComputeState(), ComputeState()
    shared, own = event("A", NOW - HOUR, 5), [event("B", NOW), event("A", NOW, 2)]
    one.add(definitions, shared, NOW)
    for each in (shared, *own):
        other.add(definitions, each, NOW)
        whole.add(definitions, each, NOW)
    one.absorb(other)
    one.retract(definitions, shared, NOW)
    assert look(one, definitions, NOW) == look(whole, definitions, NOW)
    assert one.to_data() == whole.to_data()


def test_two_events_that_are_alike_in_all_that_is_asked_are_two() -> None:
    definitions, state = of("event('A').where(trait('t').absent()).count()"), ComputeState()
    for _ in range(2):
        state.add(definitions, event("A", NOW), NOW)
    assert look(state, definitions, NOW)[0] == 2


def test_what_no_window_can_see_any_more_is_let_go_with_its_children() -> None:
    definitions, state = of(BOTH), ComputeState()
    state.add(definitions, event("A", NOW - 6 * DAY), NOW)
    state.add(definitions, event("B", NOW - 6 * DAY + HOUR), NOW)
    assert look(state, definitions, NOW)[0] == 1
    state.prune(definitions, NOW + 2 * DAY)
    assert look(state, definitions, NOW + 2 * DAY) == (0, None)
    assert all("w" not in kept and "t" not in kept for kept in state.to_data()["a"].values())


def test_of_more_than_ten_thousand_events_the_newest_are_kept_in_any_order_and_it_is_said() -> None:
    definitions = of("event('A').where(trait('t').absent()).min(property('p'))")
    events = [event("A", NOW - number, number) for number in range(LARGEST + 3)]
    states = []
    for order in (events, events[::-1]):
        state = ComputeState()
        for each in order:
            state.add(definitions, each, NOW)
        states.append(state.to_data())
        found = state.evaluate(definitions, {}, {"email"}, NOW)
        assert (found.values, found.capped) == ({"d": 0}, {"d"})
    assert states[0] == states[1]


def test_equal_lists_are_shared_by_the_definitions_that_ask_for_the_same() -> None:
    queries = [BOTH, BOTH.replace(">= 1", "= 0"), BOTH.replace("1 day", "2 days")]
    apart = [Definition(f"i{n}", f"d{n}", "D", "computed_trait", "users", query, 1) for n, query in enumerate(queries)]
    assert len(DefinitionSet.of(1, apart).aggregates) == 2
