"""`within(7 days)` is left within an hour of the seventh day, also after an outage, and is read as of now meanwhile."""

from dataclasses import replace

import pytest

from personas.core.moments import DAY, HOUR, MINUTE, hour_of
from personas.stores import due_log
from tests.unit.profile.world import ANYONE, START, World, definition

SIGNUP = {"type": "track", "event": "Signed Up"}
WEEK = definition("week", "event('Signed Up').within(7 days).count() >= 1", "audience")
LATER = definition("later", "event('Signed Up').between(1 days, 7 days).count() >= 1", "audience")
TRIAL = definition("trial", "trait('ends').within_next(3 days)", "audience")


def hour_passes(world: World) -> None:
    """To the next full hour, at which the schedule runs."""
    world.clock.ms = world.clock.ms // HOUR * HOUR + HOUR
    world.recompute()
    world.settle()


def holds(world: World, key: str) -> bool:
    return bool(world.computed("use_a", World.stored)[key])


@pytest.mark.parametrize("minute", [0, 1, 59])
def test_seven_days_end_within_an_hour_of_the_seventh_day(world: World, minute: int) -> None:
    world.define(WEEK)
    world.clock.ms += minute * MINUTE
    signed_up = world.clock.ms
    world.send(world.resolved("use_a", world.event("m", SIGNUP)))
    world.settle()
    while holds(world, "week"):
        assert world.clock.ms < signed_up + 7 * DAY + HOUR
        hour_passes(world)
    assert signed_up + 7 * DAY <= world.clock.ms <= signed_up + 7 * DAY + HOUR


def test_a_window_in_the_past_is_entered_and_left(world: World) -> None:
    world.define(LATER)
    world.send(world.resolved("use_a", world.event("m", SIGNUP)))
    world.settle()
    seen = []
    for hour in range(1, 8 * 24):
        hour_passes(world)
        if world.computed("use_a", World.stored).get("later", False):
            seen.append(hour)
    assert seen == list(range(25, 7 * 24 + 1))


def test_an_event_of_the_future_counts_once_its_hour_has_come(world: World) -> None:
    world.define(WEEK)
    world.send(world.resolved("use_a", world.event("m", SIGNUP, START + 2 * HOUR + MINUTE)))
    world.settle()
    states = []
    for _ in range(4):
        states.append(world.computed("use_a", World.stored).get("week", False))
        hour_passes(world)
    assert states == [False, False, False, True]


def test_dates_on_traits_turn_by_the_passing_of_time_alone(world: World) -> None:
    world.define(TRIAL)
    ends = "2024-10-10T00:30:00Z"
    world.send(world.resolved("use_a", world.event("m", {"type": "identify", "traits": {"ends": ends}})))
    world.settle()
    now, turned = world.clock.ms, []
    for _ in range(30 * 24):
        before = world.computed("use_a", World.stored).get("trial", False)
        hour_passes(world)
        if world.computed("use_a", World.stored).get("trial", False) != before:
            turned.append(world.clock.ms - now)
    assert turned == [3 * DAY, 7 * DAY], "whole days, both ends included"


def test_days_without_a_single_run_are_caught_up_by_the_first_one(world: World) -> None:
    world.define(WEEK)
    people = [f"use_{number}" for number in range(40)]
    for number, person in enumerate(people):
        world.clock.ms = START + number * HOUR
        world.send(world.resolved(person, world.event(f"m{number}", SIGNUP)))
    world.settle()
    world.clock.ms = START + 12 * DAY
    assert {world.computed(person)["week"] for person in people} == {False}, "reading is never stale"
    assert {world.computed(person, World.stored)["week"] for person in people} == {True}
    assert world.recompute() == 40
    world.settle()
    assert {world.computed(person, World.stored)["week"] for person in people} == {False}
    assert world.recompute() == 0


def test_a_tick_for_one_definition_serves_the_profiles_others_whatever_their_schedule(world: World) -> None:
    daily = replace(WEEK, id="id_daily", key="daily", name="daily", options=replace(ANYONE, every_hours=24))
    world.define(WEEK, daily)
    world.clock.ms += 5 * HOUR + MINUTE
    world.send(world.resolved("use_a", world.event("m", SIGNUP)))
    world.settle()
    left: dict[str, int] = {}
    for _ in range(9 * 24):
        hour_passes(world)
        for key in ("week", "daily"):
            if not holds(world, key):
                left.setdefault(key, world.clock.ms - START)
    assert left == {"week": 7 * DAY + 6 * HOUR, "daily": 7 * DAY + 6 * HOUR}, "a tick that comes anyway serves all"


def test_a_definition_that_is_recomputed_daily_costs_one_tick_a_day(world: World) -> None:
    daily = replace(WEEK, options=replace(ANYONE, every_hours=24))
    world.define(daily)
    for number in range(24):
        world.clock.ms = START + number * HOUR + MINUTE
        world.send(world.resolved(f"use_{number}", world.event(f"m{number}", SIGNUP)))
    world.send(world.resolved("use_a", world.event("m", SIGNUP)))
    world.settle()
    assert START % DAY == 0
    assert list(due_log.hours(world.space, hour_of(START) + 1_000)) == [hour_of(START) + 8 * 24]
    world.clock.ms = START + 8 * DAY - MINUTE
    assert not world.computed("use_0")["week"], "reading does not wait"
    assert world.computed("use_0", World.stored)["week"]
    hour_passes(world)
    assert not world.computed("use_0", World.stored)["week"]
