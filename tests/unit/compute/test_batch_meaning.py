"""The tables of docs/query.md hold in SQL, and what the language can say of odd names and of page calls does too."""

import json
from typing import Any

import pytest

from personas import batch
from personas.core.batch.plan import plan
from personas.core.compute.definition_set import DefinitionSet
from personas.core.event import Event
from personas.core.moments import HOUR
from personas.core.query.definition import Definition
from tests.unit.compute.archived import database, fill
from tests.unit.compute.histories import History
from tests.unit.compute.test_meaning import ABSENT, COMPARISONS, NOW, REDUCERS, events_of, read, rows, track


def computed(cases: list[tuple[str, str, list[Event], dict[str, Any]]], at: int) -> list[Any]:
    """Each case is a kind and a query, asked of a profile of its own; all are in one database."""
    asked = [Definition(f"i{n}", f"k{n}", "D", kind, "users", query, 1) for n, (kind, query, *_) in enumerate(cases)]
    here = database()
    fill(here, [History([], events, traits, frozenset({"email"}), at) for *_, events, traits in cases])
    found = {int(one.profile): one.values for one in batch.compute(here, DefinitionSet.of(1, asked), at)}
    return [found[number].get(f"k{number}", ABSENT) for number in range(len(cases))]


def test_comparisons_mean_what_the_page_says() -> None:
    cases, expected = [], []
    for value, comparison, holds in rows(COMPARISONS):
        found, space = read(value), "" if comparison.startswith(".") else " "
        traits = {} if found in (ABSENT, None) else {"t": found}
        cases.append(("audience", f"trait('t'){space}{comparison}", [], traits))
        for place in ("property", "context"):
            query = f"event('A').where({place}('p'){space}{comparison}).count() = 1"
            cases.append(("audience", query, [track(1, found)], {}))
        expected += [(value, comparison, holds == "yes")] * 3
    assert [(*one[:2], said) for one, said in zip(expected, computed(cases, 1_000), strict=True)] == expected


def test_reducers_mean_what_the_page_says() -> None:
    cases, expected = [], []
    for values, reducer, result in rows(REDUCERS):
        events = [track(at, value) for at, value in enumerate(json.loads(values))]
        cases.append(("computed_trait", f"event('A').{reducer}", events, {}))
        expected.append((values, reducer, read(result)))
    assert [(*one[:2], said) for one, said in zip(expected, computed(cases, 1_000), strict=True)] == expected


def test_events_in_their_order_mean_what_the_page_says() -> None:
    cases, expected = [], []
    for events, query, result in rows("events by hours before now, with the property `p` | query | result"):
        cases.append(("computed_trait", query, events_of(events), {"ten": 10}))
        expected.append((events, query, read(result)))
    assert [(*one[:2], said) for one, said in zip(expected, computed(cases, NOW), strict=True)] == expected


@pytest.mark.parametrize("key", ["*", 'a"b', "a/b", "a~b", "0", "it's", "back\\\\slash", "{0}", " ", "e", "$x", "[*]"])
def test_a_property_may_have_any_name(key: str) -> None:
    plain = key.replace("\\\\", "\\")
    inside = {plain: 5, "other": 7}
    query = f"event('A').sum(property('o.{key}'))".replace("it's", "it\\'s")
    events = [track(1, 1), track(2, 2)]
    events[0].body["properties"] = {"o": inside}
    events[1].body["properties"] = {"o": [inside]}
    assert computed([("computed_trait", query, events, {})], 10) == [5]


def call(kind: str, **body: Any) -> Event:
    return Event("sp", "src", 1, 1, {"type": kind, "messageId": "m", **body})


def test_the_name_of_a_page_is_a_property_unless_it_has_one_of_its_own() -> None:
    query = "event('Page Viewed').unique(property('page_name'))"
    screens = "event('Screen Viewed').unique(property('screen_name'))"
    named = {"page_name": "Own", "screen_name": "Mine"}
    cases = [
        ("computed_trait", query, [call("page", name="Home"), call("page", name="X", properties=named)], {}),
        ("computed_trait", query, [call("page", name="X", properties={"page_name": None}), call("page")], {}),
        ("computed_trait", query, [call("track", event="Page Viewed", name="X", properties={"page_name": "T"})], {}),
        ("computed_trait", query, [call("track", event="Page Viewed", name="X")], {}),
        ("computed_trait", screens, [call("screen", name="Start"), call("screen", name="X", properties=named)], {}),
    ]
    assert computed(cases, HOUR) == [["Home", "Own"], ABSENT, ["T"], ABSENT, ["Mine", "Start"]]


def test_what_is_asked_often_is_looked_for_once() -> None:
    queries = [f"event('A').within({n} days).sum(property('p.q'))" for n in range(1, 8)]
    asked = [Definition(f"i{n}", f"k{n}", "D", "computed_trait", "users", q, 1) for n, q in enumerate(queries)]
    definitions = DefinitionSet.of(1, asked)
    made = plan(definitions, NOW)
    (facts,) = [statement for statement in made.statements if "FROM rows" in statement]
    assert facts.count('$."properties"."p"."q"') == 1
