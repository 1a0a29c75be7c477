"""A profile with 20 definitions and 60 events keeps at most 1 KB (compressed), and computing stays cheap."""

import random
import time
from dataclasses import replace

import pytest

from bench.shop import AUDIENCES, QUERIES
from personas import wire
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.envelope import EventEnvelope
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.moments import DAY
from personas.core.profile.acting import act
from personas.core.profile.delivery import Delivery, Outcome, Recalled
from personas.core.profile.stored import Stored
from personas.core.query.definition import Definition
from personas.stores import profiles

NOW = 1_760_000_000_000
SEQUENCE = 49590338271490256608559692538361571095921575989136588898
USER = (Identifier("user_id", "u1"),)
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
    """The whole item of the state as it is written: aggregates, memory of the last days, key and attributes."""
    stored = Stored("spa_5HqN2tZkR9", "use_8Jd0sVbQ4mXw")
    for place, event in enumerate(sorted(shopping(60), key=lambda event: event.at)):
        delivery = Delivery((7, SEQUENCE + place, 0), EventEnvelope(stored.id, event, USER), 1)
        outcome = act(stored, [delivery], Recalled({1: definitions}), event.at)
        assert isinstance(outcome, Outcome)
        assert outcome.profile
        assert outcome.state
        stored = replace(
            stored,
            v=outcome.profile.v,
            profile_sequence=outcome.profile.sequence,
            packed_profile=wire.pack(outcome.profile.to_data()),
            state_sequence=outcome.state.sequence,
            version=outcome.state.version,
            packed_state=wire.pack(outcome.state.to_data()),
        )
    item = profiles.state_item(stored.space, stored.id, stored.state)
    size = sum(len(name) + len(value) for name, of in item.items() for value in of.values())
    remembered = len(stored.state.memory.entries)
    aggregates = len(wire.pack(stored.state.compute.to_data(), 6))
    print(
        f"\nstate of 20 definitions after 60 events: {size} bytes, {len(item['data']['B'])} of them compressed data "
        f"(aggregates alone: {aggregates}; {remembered} fingerprints of the last three days)"
    )
    assert stored.profile.events == 60
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
