"""What the users of one record tell the same account goes to it as one part, and still counts once whatever breaks."""

from personas import profiles_stream
from personas.core.envelope import AbsorbEnvelope
from personas.core.lanes import lane_of
from tests.unit.profile.world import World, definition

ORDERS = definition("all_orders", "event('Order').count()", collection="accounts")
NEIGHBOURS = ("use_a", "use_aek", "use_afg")


def told(world: World, account: str) -> list[AbsorbEnvelope]:
    records = world.plane.lanes[lane_of(account)]
    envelopes = [envelope for _, _, data in records for envelope in profiles_stream.read_envelopes(data)]
    return [one for one in envelopes if isinstance(one, AbsorbEnvelope) and one.profile == account]


def joined(world: World) -> None:
    world.define(ORDERS)
    for user in NEIGHBOURS:
        body = {"type": "group", "groupId": "x", "traits": {"of": user}}
        world.send(world.resolved(user, world.event(f"{user} joins", body), "acc_x"))
    world.settle()


def order_each(world: World, name: str) -> None:
    """All in one record."""
    events = [(user, world.event(f"{user} {name}", {"type": "track", "event": "Order"})) for user in NEIGHBOURS]
    world.send(*(world.resolved(user, event) for user, event in events))


def test_users_of_one_record_tell_their_account_together(world: World) -> None:
    assert len({lane_of(user) for user in NEIGHBOURS}) == 1
    joined(world)
    before = len(told(world, "acc_x"))
    order_each(world, "one")
    world.settle()
    assert len(told(world, "acc_x")) == before + 1
    order_each(world, "two")
    order_each(world, "three")
    world.settle()
    assert len(told(world, "acc_x")) == before + 3, "each record tells for itself"
    assert world.computed("acc_x") == {"all_orders": 9}


def test_traits_and_identifiers_of_several_group_calls_all_arrive(world: World) -> None:
    world.define(ORDERS)
    for place, user in enumerate(NEIGHBOURS):
        world.clock.ms += 1
        body = {"type": "group", "groupId": f"x{place}", "traits": {user: place, "last": user}}
        world.send(world.resolved(user, world.event(f"{user} joins", body), "acc_x"))
    world.settle()
    account = world.now("acc_x")
    assert account is not None
    assert account.values() == {"use_a": 0, "use_aek": 1, "use_afg": 2, "last": "use_afg"}
    assert account.identifiers == {"group_id": ("x0", "x1", "x2")}


def test_a_part_that_was_sent_before_the_worker_died_counts_once(world: World) -> None:
    """After each single write: also where the states of some users were written, and only the rest tell again."""
    joined(world)
    for lives in range(16):
        order_each(world, f"after {lives}")
        world.deliver(list(world.plane.lanes), 500, lives=lives)
        world.settle()
        assert world.computed("acc_x") == {"all_orders": 3 * (lives + 1)}
