"""A profile with 20 definitions and 60 events keeps at most 1 KB (compressed), and computing stays cheap."""

import random
import time

import pytest

from personas import wire
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.event import Event
from personas.core.moments import DAY
from personas.core.query.definition import Definition

NOW = 1_760_000_000_000
QUERIES = {
    "orders": "event('Order Completed').count()",
    "orders_30d": "event('Order Completed').within(30 days).count()",
    "revenue": "event('Order Completed').sum(property('revenue'))",
    "revenue_90d": "event('Order Completed').within(90 days).sum(property('revenue'))",
    "average_order": "event('Order Completed').avg(property('revenue'))",
    "largest_order": "event('Order Completed').max(property('revenue'))",
    "first_coupon": "event('Order Completed').first(property('coupon'))",
    "last_order_at": "event('Order Completed').last(property('at'))",
    "views_7d": "event('Product Viewed').within(7 days).count()",
    "top_category": "event('Product Viewed').mode(property('category'), 2)",
    "brands": "event('Product Viewed').within(30 days).unique(property('brand'))",
    "brands_count": "event('Product Viewed').within(30 days).unique(property('brand')).count()",
    "pages": "event('Page Viewed').count()",
    "last_page": "event('Page Viewed').last(property('page_name'))",
}
AUDIENCES = {
    "big_spenders": "trait('revenue') > 200",
    "recent_buyers": "event('Order Completed').within(14 days).count() >= 1",
    "window_shoppers": "event('Product Viewed').within(7 days).count() >= 3 AND event('Order Completed').count() = 0",
    "lapsed": "event('Order Completed').between(30 days, 90 days).count() >= 1 AND trait('orders_30d') = 0",
    "pro_or_swede": "trait('plan') = 'pro' OR trait('country').one_of('SE', 'NO')",
    "pricing": "event('Page Viewed').where(property('page_name') = 'Pricing').within(7 days).count() >= 2",
}
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
