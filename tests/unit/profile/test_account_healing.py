"""An account that loses a user's events by an unmerge: what does not follow from what it kept is counted once more."""

from collections.abc import Iterator
from typing import Any

import pytest

from personas.core.identifier import Identifier
from personas.core.moments import HOUR
from personas.stores import definitions
from tests.unit.profile.living_space import LivingSpace
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.pool import Entry, trait
from tests.unit.profile.world import ANYONE, START

ASKED = {
    "most": "event('Order').max(property('price'))",
    "least": "event('Order').min(property('price'))",
    "earliest": "event('Order').first(property('item'))",
    "latest": "event('Order').last(property('item'))",
    "orders": "event('Order').count()",
    "visits": "event('Visit').count()",
    "seen": "event('Page Viewed').count()",
}


@pytest.fixture
def space() -> Iterator[LivingSpace]:
    """Ann works for an account, and a tablet was taken for hers: it ordered the cheapest and the dearest, first and
    last, and nobody else ever made a visit."""
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock):
        space = LivingSpace(plane, clock)
        for key, query in ASKED.items():
            entry: Entry = trait(key, query, of="accounts")
            space.desk.create(entry, query, ANYONE)
        order(space, {"anonymousId": "tablet"}, 1, "tea")
        order(space, {"userId": "ann"}, 5, "cup")
        space.send({"type": "group", "userId": "ann", "groupId": "acme"}, clock.ms)
        space.send({"type": "page", "name": "Home", "userId": "ann"}, clock.ms)
        space.send({"type": "identify", "anonymousId": "tablet", "userId": "ann"}, clock.ms)
        space.send({"type": "track", "event": "Visit", "anonymousId": "tablet"}, clock.ms)
        order(space, {"anonymousId": "tablet"}, 9, "pot")
        space.hold_at_the_hour()
        yield space


def order(space: LivingSpace, name: dict[str, str], price: int, item: str) -> None:
    space.clock.ms += HOUR
    properties = {"price": price, "item": item}
    space.send({"type": "track", "event": "Order", "properties": properties, **name}, space.clock.ms)


def values(space: LivingSpace) -> dict[str, Any]:
    account = space.world.find(Identifier("group_id", "acme", "accounts"))
    assert account
    profile = space.world.now(account)
    assert profile
    return {key: entry.value for key, entry in profile.computed.items()}


def test_an_account_forgets_what_only_who_left_had_told_it(space: LivingSpace) -> None:
    both = {"most": 9, "least": 1, "earliest": "tea", "latest": "pot", "orders": 3, "visits": 1, "seen": 1}
    assert values(space) == both
    [ann] = space.divisible()
    space.take_out(ann, [Identifier("anonymous_id", "tablet")], soon=False)
    space.hold_at_the_hour()
    assert values(space) == {"most": 5, "least": 5, "earliest": "cup", "latest": "cup", "orders": 1, "seen": 1}


def test_only_what_looks_at_the_lost_events_is_counted_once_more(space: LivingSpace) -> None:
    before = {saved.definition.key: saved.live for saved in definitions.of_space(space.world.space)}
    [ann] = space.divisible()
    space.take_out(ann, [Identifier("anonymous_id", "tablet")], soon=False)
    space.hold_at_the_hour()
    after = {saved.definition.key: saved.live for saved in definitions.of_space(space.world.space)}
    assert {key for key in before if before[key] == after[key]} == {"seen"}
