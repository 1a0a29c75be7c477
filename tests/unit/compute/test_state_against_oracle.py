"""Whatever the order, the split into profiles, the repetition and the time: the state says what the oracle says."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.core.compute import monoids
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState, Evaluation
from personas.core.moments import HOUR, hour_of
from tests.unit.compute.cold_table import TINY, ColdTable
from tests.unit.compute.funnels import funnels
from tests.unit.compute.histories import History, histories, simple
from tests.unit.compute.oracle import Oracle

EXAMPLES = settings().max_examples


def evaluated(state: ComputeState, compiled: DefinitionSet, history: History, at: int) -> Evaluation:
    return state.evaluate(compiled, history.traits, history.held, at)


def said(values: dict[str, Any]) -> Any:
    """Numbers by value and all else by type, too: 1 is 1.0, and neither is true."""
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)


def expected(history: History, at: int) -> dict[str, Any]:
    return Oracle(history.definitions, history.events, history.traits, history.held, at).values()


def folded(history: History, compiled: DefinitionSet, data: st.DataObject) -> ComputeState:
    """The history as it may really happen: any order, at any time before, on two profiles, some events on both."""
    halves = [ComputeState(), ComputeState()]
    table = ColdTable(data.draw(st.sampled_from([None, *TINY]), label="limits"))
    twice = []
    for event in data.draw(st.permutations(history.events), label="order"):
        where = data.draw(st.sampled_from([(0,), (1,), (0, 1)]), label="folded by")
        for half in where:
            since = data.draw(st.sampled_from([-100 * HOUR, -1, 0, 1, HOUR, 24 * HOUR, 200 * HOUR]), label="now, since")
            now = min(event.at + since, history.at)
            halves[half].add(compiled, event, now)
            if data.draw(st.booleans(), label="prune"):
                halves[half].prune(compiled, now)
                halves[half] = table.written(halves[half], compiled, now, f"use_{half}")
        if len(where) == 2:
            twice.append(event)
    halves[0].absorb(halves[1])
    for event in twice:
        halves[0].retract(compiled, event, history.at)
        if data.draw(st.booleans(), label="written"):
            halves[0] = table.written(halves[0], compiled, history.at)
    return halves[0].whole() if data.draw(st.booleans(), label="made whole") else halves[0]


REDUCERS = (
    *("count()", "sum(property('p'))", "avg(property('p'))", "unique(property('p'))", "unique(property('p')).count()"),
    *("min(property('p'))", "max(property('p'))", "min(property('p') as string)", "max(property('p') as string)"),
    *("first(property('p'))", "last(property('p'))", "first(property('p.$'))", "last(property('p.$'))"),
    *("mode(property('p'))", "mode(property('p'), 1)", "mode(property('p') as number, 3)"),
    *("mode(property('p.$'))", "mode(property('p.$') as array)"),
)


@pytest.mark.parametrize("reducer", REDUCERS)
@settings(max_examples=EXAMPLES // 4, deadline=None)
@given(data=st.data())
def test_each_reducer_says_what_the_oracle_says_over_any_split_and_order(reducer: str, data: st.DataObject) -> None:
    history = data.draw(simple(reducer))
    compiled = DefinitionSet.of(1, history.definitions)
    state = folded(history, compiled, data)
    for hours in sorted(data.draw(st.sets(st.sampled_from([0, 1, 2, 23, 24, 25, 48, 49]), min_size=1), label="hours")):
        at = history.at + hours * HOUR
        found = evaluated(state, compiled, history, at)
        assert said(found.values) == said(expected(history, at))
        if found.due is not None:
            assert said(found.values) == said(expected(history, max((found.due - 1) * HOUR, at)))


@settings(max_examples=EXAMPLES, deadline=None)
@given(histories | funnels, st.data())
def test_the_state_says_what_the_oracle_says(history: History, data: st.DataObject) -> None:
    compiled = DefinitionSet.of(1, history.definitions)
    loaded = DefinitionSet.of_data(orjson.loads(orjson.dumps(compiled.to_data())))
    state = folded(history, compiled, data)
    later = (
        history.at + data.draw(st.sampled_from([0, 1, 2, 3, 23, 24, 25, 48, 49, 99, 725]), label="hours later") * HOUR
    )
    for at in (history.at, later):
        wanted = said(expected(history, at))
        assert said(evaluated(state, compiled, history, at).values) == wanted
        state.prune(loaded, at)
        assert said(evaluated(state.copy(), loaded, history, at).values) == wanted


@settings(max_examples=EXAMPLES, deadline=None)
@given(histories | funnels | funnels, st.data())
def test_values_hold_at_every_hour_before_they_are_due(history: History, data: st.DataObject) -> None:
    compiled = DefinitionSet.of(1, history.definitions)
    state = folded(history, compiled, data)
    now = evaluated(state, compiled, history, history.at)
    assert now.due is None or now.due > hour_of(history.at)
    until = now.due if now.due is not None else hour_of(history.at) + 24 * 90
    hours = range(hour_of(history.at) + 1, until)
    for hour in {*hours[:3], *hours[-3:], *hours[:: max(1, len(hours) // 10)]}:
        assert said(expected(history, hour * HOUR)) == said(now.values)


@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(histories | funnels, st.data())
def test_too_many_distinct_values_are_cut_alike_in_any_order(history: History, data: st.DataObject) -> None:
    compiled = DefinitionSet.of(1, history.definitions)
    largest, monoids.LARGEST = monoids.LARGEST, 2
    try:
        found = evaluated(folded(history, compiled, data), compiled, history, history.at)
    finally:
        monoids.LARGEST = largest
    oracle = Oracle(history.definitions, history.events, history.traits, history.held, history.at, most=2)
    assert said(found.values) == said(oracle.values())
    assert found.capped == oracle.capped
