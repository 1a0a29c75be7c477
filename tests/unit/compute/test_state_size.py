"""A profile with 20 definitions and 60 events keeps at most 1 KB (compressed), and computing stays cheap."""

import random
import time

import pytest

from bench.shop import AUDIENCES, QUERIES
from personas import wire
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.event import Event
from personas.core.moments import DAY
from personas.core.query.definition import Definition

NOW = 1_760_000_000_000
TRAITS = {"plan": "pro", "country": "DE", "email": "jane@example.com"}


@pytest.fixture
def definitions() -> DefinitionSet:
    traits = [Definition(key, key, key, "computed_trait", "users", query, 1) for key, query in QUERIES.items()]
    audiences = [Definition(key, key, key, "audience", "users", query, 1) for key, query in AUDIENCES.items()]
    found = DefinitionSet.of(1, [*traits, *audiences])
    assert len(found.named()) == 20
    return DefinitionSet.of_data(found.to_data())


def shopping(count: int) -> list[Event]:
    """Visits of a shopper over two months, a handful of events each."""
    chance = random.Random(7)
    events = []
    while len(events) < count:
        visit = NOW - chance.randrange(60) * DAY - chance.randrange(DAY)
        for step in range(min(count - len(events), chance.randrange(3, 9))):
            at = min(visit + step * 40_000, NOW)
            brand = chance.choice(["acme", "birch", "cedar", "delta"])
            category = chance.choice(["shoes", "shirts", "hats"])
            revenue = chance.randrange(900, 20_000) / 100
            kinds = [
                {"type": "page", "name": chance.choice(["Home", "Pricing", "Search"])},
                {"type": "track", "event": "Product Viewed", "properties": {"brand": brand, "category": category}},
                {
                    "type": "track",
                    "event": "Order Completed",
                    "properties": {
                        "revenue": revenue,
                        "coupon": "SPRING",
                        "at": "2025-09-01",
                    },
                },
            ]
            body = chance.choices(kinds, [4, 5, 1])[0]
            events.append(Event("sp", "src", at, at, {"messageId": f"m{len(events)}", **body}))
    return events


def test_twenty_definitions_and_sixty_events_are_kept_in_one_kilobyte(definitions: DefinitionSet) -> None:
    state = ComputeState()
    for event in shopping(60):
        state.add(definitions, event, NOW)
    state.prune(definitions, NOW)
    size = len(wire.pack(state.to_data(), level=6))
    print(f"\nstate of 20 definitions after 60 events: {size} bytes compressed")
    assert size <= 1_024


def test_computing_is_cheap(definitions: DefinitionSet) -> None:
    """Prints CPU per event and per evaluation. The bound is loose: machines and their neighbours differ."""
    state, events = ComputeState(), shopping(60)
    rounds = 30
    start = time.process_time()
    for _ in range(rounds):
        state = ComputeState()
        for event in events:
            state.add(definitions, event, NOW)
    per_event = (time.process_time() - start) / rounds / len(events) * 1e6
    state.prune(definitions, NOW)
    start = time.process_time()
    for _ in range(500):
        state.evaluate(definitions, TRAITS, {"user_id"}, NOW)
    per_evaluation = (time.process_time() - start) / 500 * 1e6
    print(f"\nCPU: {per_event:.1f} us an event, {per_evaluation:.1f} us an evaluation of 20 definitions")
    assert per_event < 300
    assert per_evaluation < 1_000
