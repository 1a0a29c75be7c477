"""What a profile's state does with late, future, doubled and too many events, and when its values may change."""

import itertools

import orjson
import pytest

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.monoids import LARGEST, MONOIDS
from personas.core.compute.splitting import Limits
from personas.core.compute.state import ComputeState
from personas.core.event import Event
from personas.core.moments import DAY, HOUR, SECOND
from personas.core.query.definition import Definition

NOW = 1_000 * DAY + 90 * SECOND


def of(query: str, kind: str = "computed_trait", version: int = 1) -> DefinitionSet:
    return DefinitionSet.of(version, [Definition("id", "d", "D", kind, "users", query, version)])


def event(at: int, value: object = None, name: str = "A") -> Event:
    body = {"type": "track", "event": name, "messageId": str(at), "properties": {"p": value}}
    return Event("sp", "src", at, at, body)


def look(state: ComputeState, definitions: DefinitionSet, at: int) -> tuple[object, int | None]:
    evaluation = state.evaluate(definitions, {}, {"email"}, at)
    return evaluation.values.get("d"), evaluation.due


def test_a_window_lets_go_at_the_hour_and_says_so_in_advance() -> None:
    definitions, state = of("event('A').within(2 hours).count()"), ComputeState()
    state.add(definitions, event(NOW), NOW)
    left = NOW // HOUR + 3
    assert look(state, definitions, NOW) == (1, left)
    assert look(state, definitions, left * HOUR - 1) == (1, left)
    assert look(state, definitions, left * HOUR) == (0, None)
    state.prune(definitions, left * HOUR)
    assert look(state, definitions, left * HOUR) == (0, None)


def test_between_enters_and_leaves_at_the_hour() -> None:
    definitions, state = of("event('A').between(1 hour, 3 hours).count()"), ComputeState()
    state.add(definitions, event(NOW), NOW)
    hour = NOW // HOUR
    assert look(state, definitions, NOW) == (0, hour + 2)
    assert look(state, definitions, (hour + 2) * HOUR) == (1, hour + 4)
    assert look(state, definitions, (hour + 4) * HOUR) == (0, None)


def test_an_event_from_the_future_counts_from_its_own_millisecond_on() -> None:
    definitions, state = of("event('A').count()"), ComputeState()
    state.add(definitions, event(NOW + HOUR), NOW)
    assert look(state, definitions, NOW) == (None, NOW // HOUR + 2)
    assert look(state, definitions, NOW + HOUR - 1)[0] is None
    assert look(state, definitions, NOW + HOUR) == (1, None)
    state.prune(definitions, NOW + HOUR)
    assert ComputeState.of_data(state.to_data()).to_data() == state.to_data()
    assert look(state, definitions, NOW + HOUR) == (1, None)


def test_an_event_too_late_for_its_window_still_makes_the_count_zero_instead_of_absent() -> None:
    definitions, state = of("event('A').within(1 day).count()"), ComputeState()
    assert look(state, definitions, NOW) == (None, None)
    assert state.add(definitions, event(NOW - 3 * DAY), NOW)
    assert look(state, definitions, NOW) == (0, None)
    state.prune(definitions, NOW)
    assert look(ComputeState.of_data(state.to_data()), definitions, NOW) == (0, None)


def test_only_events_that_a_definition_looks_at_are_taken() -> None:
    definitions, state = of("event('A').where(property('p') = 1).count()"), ComputeState()
    assert not state.add(definitions, event(NOW, 1, name="B"), NOW)
    assert not state.add(definitions, event(NOW, 2), NOW)
    assert not state.add(definitions, Event("sp", "src", NOW, NOW, {"type": "identify", "messageId": "m"}), NOW)
    assert not state
    assert state.to_data() == {}
    assert state.add(definitions, event(NOW, 1), NOW)
    assert definitions.listens("A")
    assert not definitions.listens("B")


@pytest.mark.parametrize("when", [0, HOUR])
def test_an_event_counted_on_both_sides_of_a_merge_is_taken_back_once(when: int) -> None:
    definitions = of("event('A').sum(property('p'))")
    one, other = ComputeState(), ComputeState()
    shared = event(NOW + when, 5)
    one.add(definitions, shared, NOW)
    other.add(definitions, shared, NOW)
    other.add(definitions, event(NOW - DAY, 2), NOW)
    one.absorb(other)
    one.retract(definitions, shared, NOW)
    assert look(one, definitions, NOW + when)[0] == 7


def test_more_than_ten_thousand_values_are_cut_alike_in_any_order_and_reported() -> None:
    definitions = of("event('A').unique(property('p')).count()")
    values = [f"v{number:05d}" for number in range(LARGEST + 5)]
    states = []
    for order in (values, values[::-1]):
        state = ComputeState()
        for value in order:
            state.add(definitions, event(NOW, value), NOW)
        states.append(state)
    for state in states:
        evaluation = state.evaluate(definitions, {}, (), NOW)
        assert evaluation.values == {"d": LARGEST}
        assert evaluation.capped == {"d"}
    assert states[0].to_data() == states[1].to_data()


def test_what_is_not_cut_is_not_reported() -> None:
    definitions, state = of("event('A').unique(property('p'))"), ComputeState()
    state.add(definitions, event(NOW, "a"), NOW)
    assert state.evaluate(definitions, {}, (), NOW).capped == frozenset()


def test_pruning_forgets_definitions_that_are_gone_but_not_those_still_to_come() -> None:
    old, new = of("event('A').count()", version=1), of("event('A').sum(property('p'))", version=2)
    state = ComputeState()
    state.add(old, event(NOW, 1), NOW)
    state.add(new, event(NOW, 1), NOW)
    state.prune(old, NOW)
    assert look(state, new, NOW)[0] == 1
    assert look(state, old, NOW)[0] == 2 - 1
    state.prune(new, NOW)
    assert look(state, old, NOW)[0] is None


@pytest.mark.parametrize("name", sorted(MONOIDS))
def test_a_monoid_gives_one_result_for_every_grouping_and_order(name: str) -> None:
    monoid = MONOIDS[name]
    values: dict[str, list[object]] = {"values": ["a", "b", "a", "\x001"], "first": ["b", "a", 2, True]}
    values["last"] = values["first"]
    values["events"] = ["[1,[]]", "[-1,[2]]", "[1,[]]", "[1,[3]]"]
    of_name = values.get(name, [1, 0.25, 3, 2**62])
    partials = [monoid.add(None, value, at // 2) for at, value in enumerate(of_name)]
    frozen = orjson.dumps(partials)
    results = set()
    for a, b, c, d in itertools.permutations(partials):
        merge = monoid.merge
        results.add(orjson.dumps(merge(merge(merge(a, b), c), d), option=orjson.OPT_SORT_KEYS))
        results.add(orjson.dumps(merge(a, merge(b, merge(c, d))), option=orjson.OPT_SORT_KEYS))
        results.add(orjson.dumps(merge(merge(a, b), merge(c, d)), option=orjson.OPT_SORT_KEYS))
    assert len(results) == 1
    assert orjson.dumps(partials) == frozen


def test_an_event_of_the_future_that_left_the_state_is_known_to_have_happened_when_its_part_ends() -> None:
    definitions, state = of("event('A').within(2 hours).count()"), ComputeState()
    state.add(definitions, event(NOW + HOUR), NOW)
    parts = state.shed(definitions, NOW, "use_1", "1", Limits(hot=0))
    assert len(parts) == 1
    assert look(state, definitions, NOW) == (None, NOW // HOUR + 2)
    assert look(state, definitions, NOW + HOUR - 1)[0] is None
    assert look(state, definitions, NOW + HOUR)[0] == 1
    state.prune(definitions, NOW + DAY)
    assert state.cold.refs == ()
    assert look(state, definitions, NOW + DAY) == (0, None)
