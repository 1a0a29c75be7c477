"""A membership that ends because two profiles become one ends with an exit, and one that does not end with none."""

from collections.abc import Iterator
from typing import Any

import pytest

from personas.core.activation.changes import Changes
from personas.core.moments import DAY
from personas.stores import profiles
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.world import START, World, definition

LOSER, SURVIVOR = "use_b", "use_a"
CLEAN = definition("clean", "event('Good').count() >= 1 AND NOT (event('Bad').count() >= 1)", "audience")


@pytest.fixture
def world() -> Iterator[World]:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock):
        world = World(plane, clock)
        world.create(CLEAN)
        world.settle()
        yield world


def _track(world: World, profile: str, name: str) -> None:
    event = world.event(f"{profile} {name} {len(world.plane.lanes)}", {"type": "track", "event": name})
    world.send(world.resolved(profile, event))
    world.settle()


def _told(world: World) -> list[tuple[str, Any]]:
    """(profile, value) of what the tools are told, image by image."""
    told = []
    for old, new in world.plane.images:
        changes = Changes()
        changes.add(profiles.of_image(old) if old else None, profiles.of_image(new))
        told += [(change.profile, change.value) for change in changes.of_space(world.space)]
    return told


def _merge(world: World) -> None:
    world.send(world.merge(LOSER, SURVIVOR))
    world.settle()


def test_a_member_who_merges_into_someone_who_never_was_one_exits(world: World) -> None:
    _track(world, SURVIVOR, "Bad")
    _track(world, LOSER, "Good")
    _merge(world)
    assert _told(world) == [(LOSER, True), (SURVIVOR, False)]


def test_a_member_who_merges_into_someone_who_left_exits_anew(world: World) -> None:
    _track(world, SURVIVOR, "Good")
    _track(world, SURVIVOR, "Bad")
    _track(world, LOSER, "Good")
    world.clock.ms += 1
    _merge(world)
    assert _told(world) == [(SURVIVOR, True), (SURVIVOR, False), (LOSER, True), (SURVIVOR, False)]


def test_a_member_who_merges_into_a_member_stays_one(world: World) -> None:
    _track(world, SURVIVOR, "Good")
    _track(world, LOSER, "Good")
    _merge(world)
    assert _told(world) == [(SURVIVOR, True), (LOSER, True), (SURVIVOR, True)]  # the last one to the newcomers only


def test_who_has_just_left_exits_once_more_as_the_exit_may_not_have_been_told(world: World) -> None:
    _track(world, SURVIVOR, "Bad")
    _track(world, LOSER, "Good")
    _track(world, LOSER, "Bad")
    _merge(world)
    assert _told(world) == [(LOSER, True), (LOSER, False), (SURVIVOR, False)]


def test_who_left_long_ago_exits_no_more(world: World) -> None:
    _track(world, SURVIVOR, "Bad")
    _track(world, LOSER, "Good")
    _track(world, LOSER, "Bad")
    world.clock.ms += 4 * DAY
    _merge(world)
    assert _told(world) == [(LOSER, True), (LOSER, False)]


def test_who_was_never_a_member_brings_no_exit(world: World) -> None:
    _track(world, SURVIVOR, "Bad")
    _track(world, LOSER, "Bad")
    _merge(world)
    assert _told(world) == []
