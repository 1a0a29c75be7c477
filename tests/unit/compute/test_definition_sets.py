"""Compiled definitions: references, cycles, keys, sharing, and no parser where events are handled."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.errors import InvalidInput
from personas.core.event import Event
from personas.core.query.definition import KNOWN, Definition, Options
from personas.core.query.errors import InvalidQuery
from personas.core.query.references import CyclicDefinitions

PYTHON = Path(__file__).parents[3] / "layers" / "personas" / "python"


def audience(key: str, query: str, collection: str = "users", options: Options = Options()) -> Definition:  # noqa: B008
    return Definition(f"aud_{key}", key, key.title(), "audience", collection, query, 1, options)


def trait(key: str, query: str) -> Definition:
    return Definition(f"ct_{key}", key, key.title(), "computed_trait", "users", query, 1)


def order(at: int, total: float) -> Event:
    body = {"type": "track", "event": "Order Completed", "messageId": f"m{at}", "properties": {"total": total}}
    return Event("sp", "src", at, at, body)


def test_an_audience_follows_a_trait_and_another_audience_in_whatever_order_they_are_given() -> None:
    definitions = DefinitionSet.of(
        1,
        [
            audience("swedes", "trait('big') = 'true' AND trait('country') = 'SE'"),
            audience("big", "trait('spend') > 200"),
            trait("spend", "event('Order Completed').sum(property('total'))"),
        ],
    )
    state = ComputeState()
    before = state.evaluate(definitions, {"country": "SE", "spend": 999}, {"email"}, 0).values
    assert before == {"swedes": False, "big": False}
    state.add(definitions, order(1, 250), 1)
    after = state.evaluate(definitions, {"country": "SE"}, {"email"}, 1).values
    assert after == {"swedes": True, "big": True, "spend": 250}


def test_definitions_in_a_circle_are_refused_with_the_path() -> None:
    circle = [audience(key, f"trait('{other}') = 'true'") for key, other in (("a", "b"), ("b", "c"), ("c", "a"))]
    with pytest.raises(CyclicDefinitions) as refused:
        DefinitionSet.of(1, circle)
    assert refused.value.path[0] == refused.value.path[-1]
    assert set(refused.value.path) == {"a", "b", "c"}
    following = dict(zip(refused.value.path, refused.value.path[1:], strict=False))
    assert following == {"a": "b", "b": "c", "c": "a"}
    with pytest.raises(CyclicDefinitions, match="me -> me"):
        DefinitionSet.of(1, [audience("me", "trait('me') = 'true'")])


def test_a_thousand_definitions_may_follow_each_other() -> None:
    chain = [trait("d0", "event('Order Completed').count()")]
    chain += [trait(f"d{number}", f"trait('d{number - 1}')") for number in range(1, 1_000)]
    definitions = DefinitionSet.of(1, chain)
    state = ComputeState()
    state.add(definitions, order(1, 1), 1)
    assert state.evaluate(definitions, {}, (), 1).values["d999"] == 1


def test_a_key_belongs_to_one_definition_of_a_collection() -> None:
    query = "trait('plan') = 'pro'"
    with pytest.raises(InvalidInput, match="two definitions"):
        DefinitionSet.of(1, [audience("pro", query), audience("pro", query)])
    both = DefinitionSet.of(1, [audience("pro", query), audience("pro", query, "accounts")])
    assert both.named("users")["pro"].collection == "users"
    assert ComputeState().evaluate(both, {"plan": "pro"}, (), 0, "accounts").values == {"pro": True}


def test_what_was_checked_and_parsed_before_is_not_parsed_again() -> None:
    orders, visits = trait("orders", "event('Order').count()"), trait("visits", "event('Visit').count()")
    before = DefinitionSet.of(1, [orders], coming=[visits])
    after = DefinitionSet.of(2, [visits, orders], known=before.trees)
    assert all(after.trees[known] is before.trees[known] for known in (orders, visits))
    changed = replace(orders, query="event('Order').within(7 days).count()")
    assert DefinitionSet.of(3, [changed], known=before.trees).trees[changed] != before.trees[orders]


def test_a_wrong_query_names_its_definition() -> None:
    with pytest.raises(InvalidQuery) as refused:
        DefinitionSet.of(1, [audience("fine", "trait('a').exists()"), audience("wrong", "trait('a')")])
    assert refused.value.definition == "wrong"


def test_members_need_a_known_identifier_unless_anonymous_ones_are_included() -> None:
    query = "trait('plan') = 'pro'"
    definitions = DefinitionSet.of(
        1, [audience("known", query), audience("anyone", query, options=Options((*KNOWN, "anonymous_id")))]
    )
    state = ComputeState()
    traits = {"plan": "pro"}
    assert state.evaluate(definitions, traits, (), 0).values == {"known": False, "anyone": False}
    assert state.evaluate(definitions, traits, {"anonymous_id"}, 0).values == {"known": False, "anyone": True}
    for known in KNOWN:
        assert state.evaluate(definitions, traits, {known}, 0).values == {"known": True, "anyone": True}


def test_equal_streams_share_one_aggregate_however_they_are_written() -> None:
    queries = (
        "event('A').within(24 hours).sum(property('p'))",
        "event('A').within(1 day).avg(property('p'))",
        "event('A').where(property('p') = 1).mode(property('q'))",
        "event('A').where(property('p').equals(1)).mode(property('q') as string, 5)",
        "event('A').unique(property('p'))",
        "event('A').unique(property('p')).count()",
    )
    definitions = DefinitionSet.of(1, [trait(f"d{number}", query) for number, query in enumerate(queries)])
    assert len(definitions.aggregates) == 3
    apart = ("event('A').count()", "event('A').within(1 day).count()", "event('B').count()")
    assert len(DefinitionSet.of(1, [trait(f"d{number}", query) for number, query in enumerate(apart)]).aggregates) == 3


def test_an_aggregate_keeps_its_id_when_other_definitions_come_and_go() -> None:
    one = trait("a", "event('A').count()")
    alone = DefinitionSet.of(1, [one])
    among = DefinitionSet.of(2, [trait("b", "event('B').count()"), one])
    assert alone.aggregates.keys() < among.aggregates.keys()


def test_without_history_only_events_from_then_on_count() -> None:
    query = "event('Order Completed').count() >= 1"
    definitions = DefinitionSet.of(1, [audience("all", query), audience("new", query, options=Options(since=100))])
    state = ComputeState()
    state.add(definitions, order(99, 1), 200)
    assert state.evaluate(definitions, {}, {"email"}, 200).values == {"all": True, "new": False}
    state.add(definitions, order(100, 1), 200)
    assert state.evaluate(definitions, {}, {"email"}, 200).values == {"all": True, "new": True}


def test_a_stored_set_is_loaded_and_used_without_the_parser() -> None:
    definitions = DefinitionSet.of(
        3,
        [
            trait(
                "spend", "event('Order Completed').where(property('total') > 5).within(7 days).sum(property('total'))"
            ),
            audience("big", "trait('spend') >= 10 OR trait('seen').within_last(1 day)"),
        ],
    )
    program = """
import sys, json
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.event import Event
definitions = DefinitionSet.of_data(json.loads(sys.stdin.read()))
state = ComputeState()
body = {"type": "track", "event": "Order Completed", "messageId": "m", "properties": {"total": 12}}
state.add(definitions, Event("sp", "src", 0, 0, body), 0)
print(json.dumps(state.evaluate(definitions, {}, {"email"}, 0).values), "lark" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=orjson.dumps(definitions.to_data()),
        capture_output=True,
        env={"PYTHONPATH": str(PYTHON)},
        check=True,
    )
    assert done.stdout.decode().strip() == '{"spend": 12, "big": true} False'


def test_loading_a_set_gives_the_same_set() -> None:
    definitions = DefinitionSet.of(7, [trait("a", "event('A').count()"), audience("b", "trait('a') > 1", "accounts")])
    loaded = DefinitionSet.of_data(orjson.loads(orjson.dumps(definitions.to_data())))
    assert loaded.to_data() == definitions.to_data()
    assert loaded.version == 7
    assert DefinitionSet.empty().to_data() == {"version": 0, "definitions": [], "coming": [], "kept_since": {}}
