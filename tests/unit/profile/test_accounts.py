"""Accounts: what group calls say about them, once, in whatever order and by whomever it is brought."""

from personas.core.envelope import AbsorbEnvelope
from personas.core.event import Event
from personas.core.lanes import lane_of
from tests.unit.profile.world import START, World, definition


def group(world: World, person: str, message_id: str, at: int, **traits: object) -> None:
    body = {"type": "group", "groupId": "acme", "traits": traits}
    world.send(world.resolved(person, world.event(message_id, body, START + at), "acc_1"))


def test_a_group_call_makes_the_account_and_links_the_user(world: World) -> None:
    group(world, "use_a", "m1", 2, plan="pro", size=None)
    group(world, "use_b", "m2", 1, plan="free", size=3)
    world.settle()
    account, user = world.stored("acc_1"), world.stored("use_a")
    assert account is not None
    assert user is not None
    assert account.collection == "accounts"
    assert account.values() == {"plan": "pro"}
    assert account.identifiers == {"group_id": ("acme",)}
    assert user.accounts == ("acc_1",)
    assert user.values() == {}


def absorb(world: World, lane: int, sequence: int, place: int, plan: str, at: int) -> AbsorbEnvelope:
    stamp = [at, START, f"{sequence}{place}", "src"]
    state = {"t": {"s": [stamp], "t": {"plan": [plan, 0]}}, "n": 1}
    return AbsorbEnvelope(world.space, "acc_1", f"group:{lane}:{sequence}:{place}", state, (lane, sequence, place))


def events(world: World) -> int:
    account = world.stored("acc_1")
    return account.events if account else 0


def test_what_a_lane_sent_is_known_by_its_number(world: World) -> None:
    first, second = absorb(world, 5, 100, 0, "a", 1), absorb(world, 5, 100, 1, "b", 2)
    world.send(first, second)
    world.settle()
    assert events(world) == 2
    world.send(first, second, absorb(world, 5, 101, 0, "c", 3), absorb(world, 6, 7, 0, "d", 4), first, second)
    world.settle()
    assert events(world) == 4


def test_a_numbered_part_on_its_way_through_a_tombstone_counts_once(world: World) -> None:
    first, second = absorb(world, 5, 100, 0, "a", 1), absorb(world, 5, 101, 0, "b", 2)
    world.send(first, world.merge("acc_1", "acc_0"), first, second)
    world.settle()
    world.send(first, second)
    world.settle()
    survivor, tombstone = world.stored("acc_0"), world.stored("acc_1")
    assert survivor is not None
    assert tombstone is not None
    assert survivor.events == 2
    assert survivor.values() == {"plan": "b"}
    assert tombstone.merged_into == "acc_0"


def test_the_account_hears_of_an_event_from_the_survivor_too(world: World) -> None:
    """The event was folded by both profiles around a merge: the account takes both, and stays the same."""
    body = {"type": "group", "groupId": "acme", "traits": {"plan": "pro"}}
    event: Event = world.event("m", body)
    before = world.resolved("use_b", event, "acc_1")
    merge = world.merge("use_b", "use_a")
    world.send(before, world.resolved("use_b", event, "acc_1"), merge)
    world.settle()
    account, user = world.stored("acc_1"), world.stored("use_a")
    assert account is not None
    assert user is not None
    assert (account.values(), user.events, user.accounts) == ({"plan": "pro"}, 1, ("acc_1",))
    assert lane_of("use_a") != lane_of("use_b")


def test_what_accounts_are_asked_later_than_users_covers_the_past(world: World) -> None:
    world.define(definition("orders", "event('Order').count()"))
    world.send(world.resolved("use_a", world.event("m", {"type": "track", "event": "Order"})))
    group(world, "use_a", "g", 0)
    world.settle()
    world.save(definition("all_orders", "event('Order').count()", collection="accounts"))
    world.backfill()
    assert world.computed("acc_1") == {"all_orders": 1}
    assert world.computed("use_a") == {"orders": 1}


def test_what_users_are_asked_later_than_accounts_is_what_they_keep_for_these(world: World) -> None:
    world.define(definition("all_orders", "event('Order').count()", collection="accounts"))
    group(world, "use_a", "g", 0)
    world.send(world.resolved("use_a", world.event("m", {"type": "track", "event": "Order"})))
    world.settle()
    world.save(definition("orders", "event('Order').count()"))
    world.backfill()
    assert world.computed("use_a") == {"orders": 1}
    assert len(world.definitions(3).aggregates) == 1
