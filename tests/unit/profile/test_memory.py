"""The memory of a profile that has seen much, and what it says when profiles merge."""

from personas.core.envelope import AbsorbEnvelope
from personas.core.moments import DAY, HOUR
from personas.core.profile.memory import INLINE
from personas.stores import profiles
from tests.unit.profile.world import World, definition

ORDERS = definition("orders", "event('Order').count()")
ORDER = {"type": "track", "event": "Order"}


def orders(world: World, person: str, *names: str) -> None:
    world.send(*(world.resolved(person, world.event(name, ORDER)) for name in names))
    world.settle()


def count(world: World, person: str) -> int:
    found: int = world.computed(person).get("orders", 0)
    return found


def spilled(world: World) -> list[str]:
    return sorted(sk for _, sk in world.plane.tables["profiles_table"] if sk.startswith("memory#"))


def names(start: int, end: int) -> list[str]:
    return [f"m{number}" for number in range(start, end)]


def test_many_events_spill_and_are_still_known(world: World) -> None:
    world.define(ORDERS)
    orders(world, "use_a", *names(0, INLINE + 1))
    assert spilled(world) == ["memory#00000000"]
    orders(world, "use_a", *names(INLINE, 2 * INLINE + 2))
    assert spilled(world) == ["memory#00000000", "memory#00000001"]
    orders(world, "use_a", *names(0, 2 * INLINE + 2))
    assert count(world, "use_a") == 2 * INLINE + 2


def test_a_spill_whose_state_was_never_written_does_not_count(world: World) -> None:
    world.define(ORDERS)
    world.settle()
    world.send(*(world.resolved("use_a", world.event(name, ORDER)) for name in names(0, INLINE + 1)))
    assert not world.deliver(list(world.plane.lanes), 500, lives=3)  # archive, page, spill
    assert spilled(world) == ["memory#00000000"]
    world.settle()
    assert count(world, "use_a") == INLINE + 1


def test_a_spill_goes_to_the_survivor_by_reference(world: World) -> None:
    world.define(ORDERS)
    orders(world, "use_b", *names(0, INLINE + 1))
    again = [world.resolved("use_b", world.event(name, ORDER)) for name in names(0, INLINE + 1)]
    world.send(world.merge("use_b", "use_a"))
    world.settle()
    assert len(spilled(world)) == 1
    world.send(*again)  # to the tombstone, which forwards
    orders(world, "use_a", *names(0, INLINE + 1))
    assert count(world, "use_a") == INLINE + 1


def test_an_overlap_with_a_spill_counts_once(world: World) -> None:
    """Identity ran twice around the merge for events of which the loser's memory has spilled."""
    world.define(ORDERS)
    before = [world.resolved("use_b", world.event(name, ORDER)) for name in names(0, INLINE + 1)]
    merge = world.merge("use_b", "use_a")
    orders(world, "use_a", *names(0, 10))
    world.send(*before)
    world.settle()
    assert count(world, "use_b") == INLINE + 1
    world.send(merge)
    world.settle()
    assert count(world, "use_a") == INLINE + 1
    profile = world.stored("use_a")
    assert profile is not None
    assert profile.events == INLINE + 1


def test_memory_is_forgotten_after_three_days_and_pages_answer_then(world: World) -> None:
    world.define(ORDERS)
    early = world.event("early", ORDER)
    world.send(world.resolved("use_a", early))
    world.settle()
    world.clock.ms += 5 * DAY
    orders(world, "use_a", "late")
    stored = profiles.read(world.space, "use_a")
    assert stored is not None
    assert len(stored.state.memory.entries) == 1
    world.send(world.resolved("use_a", early))  # a replay of what was received five days ago
    world.settle()
    assert count(world, "use_a") == 2
    unseen = world.event("unseen", ORDER)
    world.clock.ms += 4 * DAY
    world.send(world.resolved("use_a", unseen), world.resolved("use_a", unseen))
    world.settle()
    assert count(world, "use_a") == 3


def test_pages_of_merged_profiles_answer_for_them(world: World) -> None:
    world.define(ORDERS)
    early = world.event("early", ORDER)
    world.send(world.resolved("use_b", early))
    world.settle()
    world.send(world.merge("use_b", "use_a"))
    world.settle()
    world.clock.ms += 5 * DAY + HOUR
    world.send(world.resolved("use_a", early))
    world.settle()
    assert count(world, "use_a") == 1


def test_a_redelivery_is_known_by_its_sequence_number_when_nothing_else_remembers(world: World) -> None:
    world.define(ORDERS)
    orders(world, "use_a", "m")
    world.clock.ms += 20 * DAY
    orders(world, "use_a", "later")
    world.rewind(10)
    world.settle()
    profile = world.stored("use_a")
    assert profile is not None
    assert profile.events == 2


def test_a_part_with_a_key_is_taken_once(world: World) -> None:
    """Such a part has no memory of its events: a fold of the archive."""
    world.define(ORDERS)
    orders(world, "use_b", "m")
    stored = profiles.read(world.space, "use_b")
    assert stored is not None
    part = {"c": stored.state.compute.to_data(), "n": 1}
    absorb = AbsorbEnvelope(world.space, "use_a", "backfill:1", part)
    world.send(absorb, absorb)
    world.settle()
    world.send(absorb, world.merge("use_a", "use_0"), absorb)
    world.settle()
    assert count(world, "use_0") == 1
