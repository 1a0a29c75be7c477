"""What once went wrong after an unmerge, each in a space of its own in which everything runs as in the service."""

from typing import Any

import pytest

from personas.core.identifier import Identifier
from personas.core.moments import HOUR
from personas.stores import definitions
from tests.unit.profile.living_space import LivingSpace
from tests.unit.profile.pool import POOL, trait
from tests.unit.profile.world import ANYONE, START

pytestmark = pytest.mark.usefixtures("folding")

ANN, TABLET = Identifier("user_id", "ann"), Identifier("anonymous_id", "tablet")
ACME = Identifier("group_id", "acme", "accounts")
OF_ACCOUNTS = {
    "most": "event('Order').max(property('price'))",
    "least": "event('Order').min(property('price'))",
    "earliest": "event('Order').first(property('item'))",
    "latest": "event('Order').last(property('item'))",
    "orders": "event('Order').count()",
    "visits": "event('Visit').count()",
    "seen": "event('Page Viewed').count()",
}


def define(space: LivingSpace, key: str) -> None:
    """What the pool has under this key."""
    [entry] = [one for one in POOL if one.key == key]
    space.desk.create(entry, entry.queries[0], ANYONE)


def order(space: LivingSpace, name: dict[str, str], price: int, item: str) -> None:
    space.clock.ms += HOUR
    properties = {"price": price, "item": item}
    space.send({"type": "track", "event": "Order", "properties": properties, **name}, space.clock.ms)


def take_out(space: LivingSpace, identifier: Identifier) -> None:
    [person] = space.divisible()
    space.take_out(person, [identifier], soon=True)


def shown(space: LivingSpace, whose: Identifier) -> dict[str, Any]:
    """What is computed of it."""
    profile = space.world.find(whose)
    assert profile
    return space.world.computed(profile)


def test_what_is_given_back_leaves_to_a_backfill_that_began_meanwhile_what_that_adds(space: LivingSpace) -> None:
    space.send({"type": "identify", "userId": "ann", "anonymousId": "tablet"}, START)
    space.send({"type": "track", "event": "Order", "userId": "ann"}, START)
    define(space, "orders")
    take_out(space, ANN)
    space.clock.ms += 2 * HOUR  # the lanes are behind for so long that definitions go before
    for _ in range(2):
        space.desk.runs.go_on()
    space.hold_at_the_hour()
    assert shown(space, ANN) == {"orders": 1}


def test_who_has_identifiers_and_no_event_left_is_evaluated_as_time_and_definitions_go_on(space: LivingSpace) -> None:
    space.send({"type": "identify", "userId": "ann", "anonymousId": "tablet"}, START)
    space.rest()
    take_out(space, TABLET)
    space.desk.runs.finish()
    define(space, "strangers")
    space.hold_at_the_hour()
    assert shown(space, TABLET) == {"strangers": True}


def test_what_came_again_before_a_new_profile_was_told_of_its_past_counts_once_under_later_definitions(
    space: LivingSpace,
) -> None:
    space.send({"type": "track", "event": "Order", "anonymousId": "tablet"}, START)
    space.send({"type": "identify", "userId": "ann", "anonymousId": "tablet"}, START)
    space.rest()
    take_out(space, TABLET)
    space.resolve(space.sent[0])
    space.desk.runs.finish()
    define(space, "orders")
    space.hold_at_the_hour()
    assert shown(space, TABLET) == {"orders": 1}


def test_what_a_backfill_adds_to_a_user_about_to_be_made_two_reaches_the_accounts(space: LivingSpace) -> None:
    space.send({"type": "group", "groupId": "acme", "userId": "ann", "anonymousId": "tablet"}, START)
    space.send({"type": "track", "event": "Order", "userId": "ann"}, START)
    space.rest()
    define(space, "all_orders")
    space.desk.runs.go_on()
    take_out(space, ANN)
    space.hold_at_the_hour()
    assert shown(space, ACME) == {"all_orders": 1}


@pytest.fixture
def mistaken(space: LivingSpace) -> LivingSpace:
    """Ann works for an account, and a tablet was taken for hers: it ordered the cheapest and the dearest, first and
    last, and nobody else ever made a visit."""
    for key, query in OF_ACCOUNTS.items():
        space.desk.create(trait(key, query, of="accounts"), query, ANYONE)
    order(space, {"anonymousId": "tablet"}, 1, "tea")
    order(space, {"userId": "ann"}, 5, "cup")
    space.send({"type": "group", "userId": "ann", "groupId": "acme"}, space.clock.ms)
    space.send({"type": "page", "name": "Home", "userId": "ann"}, space.clock.ms)
    space.send({"type": "identify", "anonymousId": "tablet", "userId": "ann"}, space.clock.ms)
    space.send({"type": "track", "event": "Visit", "anonymousId": "tablet"}, space.clock.ms)
    order(space, {"anonymousId": "tablet"}, 9, "pot")
    space.hold_at_the_hour()
    return space


def test_an_account_forgets_what_only_who_left_had_told_it(mistaken: LivingSpace) -> None:
    both = {"most": 9, "least": 1, "earliest": "tea", "latest": "pot", "orders": 3, "visits": 1, "seen": 1}
    assert shown(mistaken, ACME) == both
    take_out(mistaken, TABLET)
    mistaken.hold_at_the_hour()
    left = {"most": 5, "least": 5, "earliest": "cup", "latest": "cup", "orders": 1, "seen": 1}
    assert shown(mistaken, ACME) == left


def test_only_what_looks_at_the_lost_events_is_counted_once_more(mistaken: LivingSpace) -> None:
    before = {saved.definition.key: saved.live for saved in definitions.of_space(mistaken.world.space)}
    take_out(mistaken, TABLET)
    mistaken.hold_at_the_hour()
    after = {saved.definition.key: saved.live for saved in definitions.of_space(mistaken.world.space)}
    assert {key for key in before if before[key] == after[key]} == {"seen"}
