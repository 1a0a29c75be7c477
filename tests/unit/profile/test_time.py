"""Time passes: the due log, ticks that write only what changed, reading as of now, and hours that were missed."""

import pytest

from functions.recompute import plan, tick
from personas.core.envelope import TickEnvelope
from personas.core.moments import HOUR, MINUTE, hour_of
from personas.stores import due_log, spaces
from tests.unit.profile.plane import Died
from tests.unit.profile.world import START, World, definition

RECENT = definition("recent", "event('Order').within(3 hours).count()")
ACTIVE = definition("active", "event('Order').within(3 hours).count() >= 1", "audience")
ORDER = {"type": "track", "event": "Order"}


@pytest.fixture
def active(world: World) -> World:
    """One user who ordered, and whose values run out in the fourth hour."""
    world.define(RECENT, ACTIVE)
    world.send(world.resolved("use_a", world.event("m", ORDER)))
    world.settle()
    assert world.computed("use_a", World.stored) == {"recent": 1, "active": True}
    return world


def listed(world: World) -> dict[int, list[str]]:
    hours = range(hour_of(START) - 5, hour_of(START) + 50)
    found = {hour: [name for _, ids in due_log.read(world.space, hour) for name in ids] for hour in hours}
    return {hour: names for hour, names in found.items() if names}


def test_reading_shows_windows_as_of_now(active: World) -> None:
    active.clock.ms += 4 * HOUR
    assert active.computed("use_a") == {"recent": 0, "active": False}
    assert active.computed("use_a", World.stored) == {"recent": 1, "active": True}


def test_a_tick_in_time_makes_the_stored_values_true(active: World) -> None:
    assert listed(active) == {hour_of(START) + 4: ["use_a"]}
    active.clock.ms += 4 * HOUR
    assert active.recompute() == 1
    active.settle()
    assert active.computed("use_a", World.stored) == {"recent": 0, "active": False}
    assert listed(active) == {}


def test_a_tick_that_changes_nothing_writes_nothing(active: World) -> None:
    active.send(TickEnvelope(active.space, "use_a", hour_of(START)))
    active.send(TickEnvelope(active.space, "use_nobody", hour_of(START)))
    writes = active.plane.writes
    active.settle()
    assert active.plane.writes == writes


def test_a_tick_twice_is_one(active: World) -> None:
    active.clock.ms += 4 * HOUR
    active.send(TickEnvelope(active.space, "use_a", hour_of(active.clock.ms)))
    active.settle()
    writes = active.plane.writes
    active.send(TickEnvelope(active.space, "use_a", hour_of(active.clock.ms)))
    writes += 1
    active.settle()
    assert active.plane.writes == writes


def test_a_later_event_does_not_add_to_the_due_log(active: World) -> None:
    active.clock.ms += HOUR
    active.send(active.resolved("use_a", active.event("later", ORDER)))
    active.settle()
    assert listed(active) == {hour_of(START) + 4: ["use_a"]}
    active.clock.ms += 3 * HOUR
    active.recompute()
    active.settle()
    assert active.computed("use_a", World.stored) == {"recent": 1, "active": True}
    assert listed(active) == {hour_of(START) + 5: ["use_a"]}


def test_an_event_after_a_lost_tick_takes_its_place(active: World) -> None:
    active.clock.ms += 6 * HOUR
    for key, _ in list(due_log.read(active.space, hour_of(START) + 4)):
        due_log.delete([key])
    active.send(active.resolved("use_a", active.event("later", ORDER)))
    active.settle()
    assert listed(active) == {hour_of(active.clock.ms) + 4: ["use_a"]}


def test_nothing_is_filed_under_an_hour_that_has_begun(world: World) -> None:
    """An event of three hours ago runs out in the hour to come; one that has run out already is filed nowhere."""
    world.define(RECENT)
    world.clock.ms += 30 * MINUTE
    world.send(world.resolved("use_a", world.event("m1", ORDER, START - 3 * HOUR)))
    world.send(world.resolved("use_b", world.event("m2", ORDER, START - 4 * HOUR)))
    world.settle()
    assert listed(world) == {hour_of(START) + 1: ["use_a"]}


def test_missed_hours_are_caught_up(active: World) -> None:
    active.clock.ms += 40 * HOUR
    assert active.recompute() == 1
    active.settle()
    assert active.computed("use_a", World.stored) == {"recent": 0, "active": False}
    assert active.recompute() == 0


def test_a_tick_that_died_is_found_by_the_next_run(active: World) -> None:
    active.clock.ms += 5 * HOUR
    bucket = {"space": active.space, "hour": hour_of(START) + 4}
    active.plane.lives = 1  # the envelope is sent, the list is not forgotten
    with pytest.raises(Died):
        tick.handle(bucket, None)
    active.plane.lives = None
    assert plan.handle({}, None)["count"] == 1
    assert plan.handle({}, None)["count"] == 1
    assert tick.handle(bucket, None) == {"ticked": 1}
    assert tick.handle(bucket, None) == {"ticked": 0}
    active.settle()
    assert active.computed("use_a", World.stored) == {"recent": 0, "active": False}


def test_a_barrier_that_was_never_sent_is_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("personas.barriers.send", lambda *_: None)
        world.define(RECENT)
    head = spaces.head(world.space)
    assert head is not None
    assert (head.definitions, head.barrier) == (1, 0)
    world.recompute()
    world.send(world.resolved("use_a", world.event("m", ORDER)))
    world.settle()
    assert world.computed("use_a") == {"recent": 1}
    head = spaces.head(world.space)
    assert head is not None
    assert head.barrier == 1
    sent = sum(len(records) for records in world.plane.lanes.values())
    world.recompute()
    assert sum(len(records) for records in world.plane.lanes.values()) == sent


def test_a_clock_that_is_behind_turns_nothing_back(active: World) -> None:
    active.clock.ms += 4 * HOUR
    active.recompute()
    active.settle()
    active.clock.ms -= 2 * HOUR
    active.send(TickEnvelope(active.space, "use_a", hour_of(active.clock.ms)))
    active.settle()
    assert active.computed("use_a", World.stored) == {"recent": 0, "active": False}
