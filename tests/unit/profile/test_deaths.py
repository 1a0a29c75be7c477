"""Death after each single write, then the same records again, whole or bisected: the end is the one without a death."""

import io
from typing import Any

import pyarrow.parquet
import pytest

from personas.core.compute.splitting import LIMITS, Limits
from personas.core.moments import HOUR, SECOND
from personas.stores import due_log, pages
from tests.unit.compute.cold_table import TINY
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.world import START, World, definition

PEOPLE = [f"use_{number}" for number in range(6)]
NEWCOMERS = ["use_6", "use_7"]
DEFINITIONS = (
    definition("orders", "event('Order').count()"),
    definition("recent", "event('Order').within(3 hours).count()"),
    definition("buyers", "event('Order').count() >= 1", "audience"),
)


def story(world: World) -> None:
    """Two rounds of calls by all, the second with merges: one whose absorb is under way, one in a chain, one twice."""
    world.create(*DEFINITIONS)
    world.settle()
    calls(world, 0)
    world.settle()
    for newcomer in NEWCOMERS:
        world.send(world.resolved(newcomer, world.event(newcomer, {"type": "track", "event": "Order"})))
    calls(world, 1)
    seen_by_loser = world.event("both", {"type": "track", "event": "Order"})
    world.send(world.resolved("use_3", seen_by_loser))
    calls(world, 2)
    merges = [world.merge("use_3", "use_2"), world.merge("use_2", "use_0"), world.merge("use_5", "use_4")]
    world.send(world.resolved("use_3", seen_by_loser), *merges, merges[0])
    calls(world, 3)


def calls(world: World, round_: int) -> None:
    world.clock.ms = START + round_ * SECOND
    for place, person in enumerate(PEOPLE):
        order = world.event(f"o{round_}{person}", {"type": "track", "event": "Order"})
        name = world.event(f"i{round_}{person}", {"type": "identify", "traits": {person: round_, "last": place}})
        group = world.event(f"g{round_}{person}", {"type": "group", "groupId": "g", "traits": {person: round_}})
        world.send(world.resolved(person, order), world.resolved(person, name), world.resolved(person, group, "acc_g"))


def end(lives: int | None, most_after: int, limits: Limits = LIMITS) -> tuple[Any, int]:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock, limits):
        world = World(plane, clock, space="space")
        story(world)
        before = plane.writes
        size = sum(len(records) - world.read_up_to[lane] for lane, records in plane.lanes.items())
        survived = world.deliver(list(plane.lanes), 500, lives)
        writes = plane.writes - before
        assert survived == (lives is None)
        while world.pending():
            world.deliver(list(plane.lanes), min(size, most_after))
        for old, new in plane.images:
            assert old is None or int(old["seq"]["S"]) <= int(new["seq"]["S"]), "a profile never falls back"
        return picture(world), writes


def picture(world: World) -> Any:
    names = [*PEOPLE, *NEWCOMERS, "acc_g"]
    found = [world.stored(name) for name in names]
    shown = [
        (p.traits(), p.identifiers, p.accounts, p.first, p.last, p.events, p.merged_into) if p else None for p in found
    ]
    paged = {e.fingerprint for e in pages.read(world.space, names, 0, START + HOUR)}
    hours = range(START // HOUR, START // HOUR + 10)
    due = {(hour, name) for hour in hours for _, ids in due_log.read(world.space, hour) for name in ids}
    archived = set()
    for (bucket, _), body in world.plane.objects.items():
        if bucket == "archive":
            rows = pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
            archived |= {(row["profile"], row["fingerprint"], row["seq"]) for row in rows if not row["taken_back"]}
    return shown, paged, due, archived


ALIVE, WRITES = end(None, 500)
SHEDDING = TINY[2]
WRITES_WHILE_SHEDDING = end(None, 500, SHEDDING)[1]


def test_the_story_is_what_it_should_be() -> None:
    shown, paged, due, _ = ALIVE
    root = shown[0]
    assert root[0]["orders"].value == 13  # three people, four rounds, and the one that both folded
    assert root[0]["use_3"].value == 3
    assert root[5] == 37
    assert shown[3][6] == "use_2"
    assert shown[8][0]["use_5"].value == 3
    assert len(paged) == 4 * 3 * len(PEOPLE) + 1 + len(NEWCOMERS)
    assert any(name == "use_0" for _, name in due)
    assert WRITES > 20


@pytest.mark.parametrize("most_after", [500, 3])
@pytest.mark.parametrize("lives", range(WRITES))
def test_a_death_after_any_write_changes_nothing(lives: int, most_after: int) -> None:
    shown, paged, due, archived = end(lives, most_after)[0]
    assert (shown, paged) == ALIVE[:2]
    assert archived >= ALIVE[3]
    if most_after == 500:
        assert due >= ALIVE[2]


@pytest.mark.parametrize("lives", range(WRITES_WHILE_SHEDDING))
def test_nor_does_one_while_states_shed_into_cold_parts(lives: int) -> None:
    assert WRITES_WHILE_SHEDDING > WRITES
    shown, paged, _, archived = end(lives, 3, SHEDDING)[0]
    assert (shown, paged) == ALIVE[:2]
    assert archived >= ALIVE[3]
