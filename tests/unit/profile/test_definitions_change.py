"""Definitions change lane by lane, at the barrier; a value that is no longer computed stays as a custom trait."""

from personas.core.lanes import lane_of
from personas.stores import definitions, lanes
from tests.unit.profile.world import World, definition

ORDERS = definition("orders", "event('Order').count()")
BUYERS = definition("buyers", "event('Order').count() >= 2", "audience")
PRO = definition("pro", "trait('plan') = 'pro'", "audience")
ORDER = {"type": "track", "event": "Order"}


def order(world: World, message_id: str) -> None:
    world.send(world.resolved("use_a", world.event(message_id, ORDER)))


def test_a_definition_counts_from_its_barrier_on(world: World) -> None:
    order(world, "m1")
    world.define(ORDERS)
    order(world, "m2")
    order(world, "m3")
    world.settle()
    assert world.computed("use_a") == {"orders": 2}
    noted = lanes.read([(world.space, lane_of("use_a"))])[world.space, lane_of("use_a")]
    assert noted.version == 1
    assert noted.sequence < world.plane.lanes[lane_of("use_a")][-1][0]


def test_a_retry_finds_the_version_of_before_the_barrier(world: World) -> None:
    order(world, "m1")
    world.define(ORDERS)
    order(world, "m2")
    lives = 0
    while not world.deliver(list(world.plane.lanes), 500, lives):
        lives += 1
    world.settle()
    assert lives > 5
    assert world.computed("use_a") == {"orders": 1}


def test_what_was_in_force_when_a_profile_was_last_touched_is_not_asked_for(world: World) -> None:
    """A cold worker in a space whose definitions change often would load a version for every such profile."""
    world.define(ORDERS)
    order(world, "m1")
    world.settle()
    world.define(ORDERS, BUYERS)
    world.settle()
    table = world.plane.tables["control_table"]
    for key in [key for key in table if key[1].startswith(definitions.snapshot_key(1, ""))]:
        del table[key]
    definitions.loaded.clear()
    order(world, "m2")
    world.settle()
    assert world.computed("use_a") == {"orders": 2, "buyers": True}


def test_an_older_barrier_changes_nothing(world: World) -> None:
    world.define(ORDERS)
    world.define(ORDERS, BUYERS)
    world.settle()
    lane = lane_of("use_a")
    before = lanes.read([(world.space, lane)])
    world.plane.lanes[lane].append(world.plane.lanes[lane][0])
    order(world, "m1")
    world.settle()
    assert lanes.read([(world.space, lane)]) == before
    assert world.computed("use_a") == {"orders": 1}


def test_a_new_audience_of_traits_holds_when_the_profile_is_touched(world: World) -> None:
    world.send(world.resolved("use_a", world.event("m", {"type": "identify", "traits": {"plan": "pro"}})))
    world.define(PRO)
    order(world, "m1")
    world.settle()
    assert world.computed("use_a") == {"pro": True}


def test_a_deleted_computed_trait_stays_as_a_custom_one(world: World) -> None:
    world.define(ORDERS, BUYERS)
    order(world, "m1")
    order(world, "m2")
    world.settle()
    world.define(BUYERS)
    order(world, "m3")
    world.settle()
    profile = world.stored("use_a")
    assert profile is not None
    assert {key: (trait.value, trait.kind) for key, trait in profile.traits().items()} == {
        "orders": (2, "custom"),
        "buyers": (True, "audience"),
    }


def test_a_deleted_audience_leaves_nothing(world: World) -> None:
    world.define(ORDERS, BUYERS)
    order(world, "m1")
    order(world, "m2")
    world.settle()
    world.define(ORDERS)
    order(world, "m3")
    world.settle()
    assert world.computed("use_a", World.stored) == {"orders": 3}


def test_a_value_keeps_the_moment_since_which_it_stands(world: World) -> None:
    world.define(ORDERS, BUYERS)
    order(world, "m1")
    order(world, "m2")
    world.settle()
    first = world.stored("use_a")
    world.clock.ms += 1000
    order(world, "m3")
    world.settle()
    second = world.stored("use_a")
    assert first is not None
    assert second is not None
    assert first.computed["buyers"] == second.computed["buyers"]
    assert second.computed["orders"].since == world.clock.ms
    assert second.v == first.v + 1


def test_never_a_member_has_no_entry_and_once_a_member_keeps_it(world: World) -> None:
    world.define(PRO)
    for message_id, plan, wanted in (("1", "free", {}), ("2", "pro", {"pro": True}), ("3", "free", {"pro": False})):
        world.clock.ms += 1
        world.send(world.resolved("use_a", world.event(message_id, {"type": "identify", "traits": {"plan": plan}})))
        world.settle()
        assert world.computed("use_a") == wanted


def test_an_overlap_takes_back_only_what_both_counted(world: World) -> None:
    """The loser folded the event before its lane's barrier, the survivor after; what one lacks, the backfill adds."""
    loser, survivor = "use_b", "use_a"
    event = world.event("m", ORDER)
    world.send(world.resolved(loser, event))
    world.deliver([lane_of(loser)], 500)
    merge = world.merge(loser, survivor)
    world.save(ORDERS)
    running = world.begin_backfill()
    running.go_on()
    world.deliver([lane_of(survivor)], 500)
    world.send(world.resolved(loser, event))
    world.deliver([lane_of(survivor)], 500)
    world.send(merge)
    while running.go_on():
        world.settle()
    world.settle()
    profile = world.stored(survivor)
    assert profile is not None
    assert (world.computed(survivor), profile.events) == ({"orders": 1}, 1)
