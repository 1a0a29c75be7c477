"""The tables of docs/query.md hold, for a trait and for an event's property alike."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.event import Event
from personas.core.moments import DAY, HOUR
from personas.core.query.definition import Definition
from tests.unit.compute.oracle import Oracle

PAGE = (Path(__file__).parents[3] / "docs" / "query.md").read_text()
ABSENT = object()
COMPARISONS = "value | comparison | holds"
REDUCERS = "values of the events, oldest first | reducer | result"


def rows(heading: str) -> Iterator[list[str]]:
    table = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def read(cell: str) -> Any:
    return ABSENT if cell == "absent" else json.loads(cell)


def track(at: int, value: Any) -> Event:
    properties = {} if value is ABSENT else {"p": value}
    body = {"type": "track", "event": "A", "messageId": f"m{at}", "properties": properties, "context": properties}
    return Event("sp", "src", at, at, body)


def computed(query: str, kind: str, events: list[Event], traits: dict[str, Any]) -> dict[str, Any]:
    definitions = DefinitionSet.of(1, [Definition("id", "d", "D", kind, "users", query, 1)])
    state = ComputeState()
    for event in events:
        state.add(definitions, event, now_ms=1_000)
    return state.evaluate(definitions, traits, {"email"}, 1_000).values


@pytest.mark.parametrize(("value", "comparison", "holds"), list(rows(COMPARISONS)))
def test_a_comparison_means_what_the_page_says(value: str, comparison: str, holds: str) -> None:
    found = read(value)
    space = "" if comparison.startswith(".") else " "
    traits = {} if found in (ABSENT, None) else {"t": found}
    assert computed(f"trait('t'){space}{comparison}", "audience", [], traits)["d"] is (holds == "yes")
    for place in ("property", "context"):
        query = f"event('A').where({place}('p'){space}{comparison}).count() = 1"
        assert computed(query, "audience", [track(1, found)], {})["d"] is (holds == "yes")


@pytest.mark.parametrize(
    ("values", "reducer", "result"), list(rows("values of the events, oldest first | reducer | result"))
)
def test_a_reducer_means_what_the_page_says(values: str, reducer: str, result: str) -> None:
    events = [track(at, value) for at, value in enumerate(json.loads(values))]
    for order in (events, events[::-1]):
        found = computed(f"event('A').{reducer}", "computed_trait", order, {}).get("d", ABSENT)
        expected = read(result)
        assert found is ABSENT if expected is ABSENT else json.dumps(found) == json.dumps(expected)


NOW = 41 * DAY


def events_of(cell: str) -> list[Event]:
    told = []
    for number, words in enumerate(cell.split(", ")):
        name, hours, *value = words.split(" ", 2)
        body = {"type": "track", "event": name, "messageId": str(number)}
        body |= {"properties": {"p": json.loads(value[0])} if value else {}}
        told.append(Event("sp", "src", NOW - int(hours) * HOUR, NOW, body))
    return told


@pytest.mark.parametrize(
    ("events", "query", "result"), list(rows("events by hours before now, with the property `p` | query | result"))
)
def test_events_in_their_order_mean_what_the_page_says(events: str, query: str, result: str) -> None:
    told = events_of(events)
    definition = Definition("id", "d", "D", "computed_trait", "users", query, 1)
    definitions, expected = DefinitionSet.of(1, [definition]), read(result)
    for order in (told, told[::-1]):
        state = ComputeState()
        for event in order:
            state.add(definitions, event, NOW)
        found = state.evaluate(definitions, {"ten": 10}, {"email"}, NOW).values.get("d", ABSENT)
        assert found is ABSENT if expected is ABSENT else json.dumps(found) == json.dumps(expected)
    assert Oracle([definition], told, {"ten": 10}, {"email"}, NOW).values().get("d", ABSENT) == expected
