"""Evaluating only what was touched says what evaluating everything says."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.compute.touched import Touched
from personas.core.event import Event
from personas.core.moments import HOUR, hour_of
from personas.core.query.definition import Definition
from tests.unit.compute.funnels import funnels
from tests.unit.compute.histories import History, histories
from tests.unit.compute.test_state_against_oracle import EXAMPLES

HELD = frozenset({"email"})


def said(values: dict[str, Any]) -> bytes:
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)


def trait(key: str, query: str) -> Definition:
    return Definition(f"id_{key}", key, key, "computed_trait", "users", query, 1)


def audience(key: str, query: str) -> Definition:
    return Definition(f"id_{key}", key, key, "audience", "users", query, 1)


@settings(max_examples=EXAMPLES // 10 or 1, deadline=None)
@given(histories | funnels, st.data())
def test_what_was_not_touched_has_not_changed(history: History, data: st.DataObject) -> None:
    """As the actor does it: all of it where time has moved on to when something is due, else only what was touched."""
    definitions = DefinitionSet.of(1, history.definitions)
    state, traits = ComputeState(), dict(history.traits)
    at = min([event.at for event in history.events], default=history.at)
    known = state.evaluate(definitions, traits, history.held, at)
    values, due = dict(known.values), known.due
    for event in history.events:
        at += data.draw(st.sampled_from([0, 1, HOUR, 3 * HOUR, 48 * HOUR]), label="time passes")
        taken = state.add(definitions, event, at)
        keys = set()
        if data.draw(st.booleans(), label="a trait changes"):
            key = data.draw(st.sampled_from(["c", "o", "d0", "d9"]))
            traits[key] = data.draw(st.sampled_from(["a", 1, True]))
            keys.add(key)
        whole = state.evaluate(definitions, traits, history.held, at)
        if due is not None and hour_of(at) + 1 >= due:
            values, due = dict(whole.values), whole.due
        else:
            touched = Touched(frozenset(taken), frozenset(keys), values)
            some = state.evaluate_touched(definitions, traits, history.held, at, "users", touched)
            assert some.evaluated is not None
            assert some.capped == whole.capped & some.evaluated
            values = {key: value for key, value in values.items() if key not in some.evaluated} | some.values
            due = min((each for each in (due, some.due) if each is not None), default=None)
        assert said(values) == said(whole.values)


def test_only_readers_of_what_changed_are_evaluated() -> None:
    definitions = DefinitionSet.of(
        1,
        [
            trait("orders", "event('Order').count()"),
            trait("visits", "event('Visit').count()"),
            audience("many", "trait('orders') >= 100"),
            audience("vips", "trait('many') = true AND trait('plan') = 'pro'"),
            audience("pros", "trait('plan') = 'pro'"),
        ],
    )

    def evaluated(events: set[str], traits: set[str], orders: int) -> set[str]:
        taking = {aggregate.id for aggregate in definitions.aggregates.values() if aggregate.event in events}
        touched = Touched(frozenset(taking), frozenset(traits), {"orders": orders})
        found = ComputeState().evaluate_touched(definitions, {"plan": "pro"}, HELD, 0, "users", touched)
        return set(found.evaluated or ())

    assert evaluated({"Visit"}, set(), 0) == {"visits"}
    assert evaluated(set(), {"plan"}, 0) == {"vips", "pros"}
    assert evaluated({"Order"}, set(), 5) == {"orders", "many"}, (
        "no orders any more: who reads them is asked, and stays"
    )
    assert evaluated({"Other"}, {"name"}, 0) == set()


def test_what_did_not_take_the_event_is_not_evaluated() -> None:
    definitions = DefinitionSet.of(
        1, [trait(kind, f"event('Seen').where(property('kind') = '{kind}').count()") for kind in ("shoes", "hats")]
    )
    state = ComputeState()
    body = {"type": "track", "event": "Seen", "messageId": "m", "properties": {"kind": "hats"}}
    taken = state.add(definitions, Event("sp", "src", 0, 0, body), 0)
    touched = Touched(frozenset(taken), frozenset(), {})
    found = state.evaluate_touched(definitions, {}, HELD, 0, "users", touched)
    assert (found.values, found.evaluated) == ({"hats": 1}, {"hats"})


def test_a_reference_finds_the_value_that_stands() -> None:
    chain = [
        audience("old", "event('Order').count() >= 1"),
        audience("new", "trait('old') = true OR trait('plan') = 'pro'"),
        audience("not_old", "trait('old') = false AND trait('plan') = 'free'"),
    ]
    definitions = DefinitionSet.of(1, chain)
    for was, plan, wanted in (
        (True, "free", (True, False)),
        (False, "free", (False, True)),
        (None, "free", (False, True)),
    ):
        known = {} if was is None else {"old": was}
        touched = Touched(frozenset(), frozenset({"plan"}), known)
        found = ComputeState().evaluate_touched(definitions, {"plan": plan}, HELD, 0, "users", touched)
        assert (found.values["new"], found.values["not_old"]) == wanted
