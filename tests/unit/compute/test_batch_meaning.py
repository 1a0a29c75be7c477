"""The tables of docs/query.md hold in SQL, and what the language can say of odd names and of page calls does too."""

import json
from typing import Any

import duckdb
import pytest

from personas import batch
from personas.core.batch.plan import plan
from personas.core.batch.sql import create_macros
from personas.core.compute.definition_set import DefinitionSet
from personas.core.event import Event
from personas.core.moments import HOUR
from personas.core.query.definition import Definition
from personas.core.values import plain
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


LISTED = [[], ["a"], [1, 2], True, False, "", "a", "ab", "a b", "a!", 'a"', "ä", "€", "\x00", "\n", "~", "12"]
NUMBERS = [n / d for n in (0, 1, 9, 10, 12, 12.45, 12.5, 100, 99.99, 2**53 - 1) for d in (1, 10, -1, -10)]


def test_texts_sort_as_the_values_of_which_they_are_made_and_lead_back_to_them() -> None:
    here = duckdb.connect()
    for macro in create_macros():
        here.execute(macro)
    rows = [[json.dumps(plain(value), ensure_ascii=False)] for value in (*LISTED, *NUMBERS)]
    here.execute("CREATE TABLE found AS SELECT DISTINCT j FROM (SELECT unnest(?) AS j)", [[row[0] for row in rows]])
    by_text, by_order = (
        here.execute(f"SELECT j FROM found ORDER BY {key}").fetchall() for key in ("order_text(j)", "order_of(j)")
    )
    assert by_text == by_order
    pairs = here.execute("SELECT j, of_order_text((moment_text(-7) || order_text(j))[17:]) FROM found").fetchall()
    assert [json.loads(one) for one, _ in pairs] == [json.loads(other) for _, other in pairs]
    moments = "SELECT ts FROM (SELECT unnest([-62135596800000, -1, 0, 7, 10, 253402300799999]) AS ts)"
    assert here.execute(f"{moments} ORDER BY moment_text(ts)").fetchall() == here.execute(moments).fetchall()


def test_a_long_chain_of_definitions_that_mention_each_other_often_can_be_planned() -> None:
    links = [f"trait('k{n}').contains('a', 'b') OR trait('k{n}').one_of('true', 'c')" for n in range(20)]
    queries = ["event('A').last(property('p'))", *links]
    kinds = ["computed_trait", *("audience" for _ in links)]
    cases = [(kind, query, [track(1, "c")], {}) for kind, query in zip(kinds, queries, strict=True)]
    assert computed(cases, 10) == ["c", *(True for _ in links)]
