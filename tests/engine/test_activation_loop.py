"""The loop changes → plan → deliver → settle, on the emulator, with the real Node function and a tool on HTTP."""

import itertools
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from activation_world import Deliver, Died, Tool, World, agenda_left, configure, emulator

from functions.activation import plan, settle
from personas import aws, clock
from personas.core.activation.queue import Queue
from personas.core.moments import HOUR, MINUTE, hour_of
from personas.replay import Replayed, replay
from personas.stores import dead_letters, leases, members

_runs = itertools.count()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with emulator() as url:
        yield url


@pytest.fixture
def world(endpoint: str) -> Iterator[World]:
    read, environment = clock.read, dict(os.environ)
    configure(endpoint, f"{next(_runs)}")
    tool, deliver = Tool(), Deliver()
    yield World(tool, deliver)
    deliver.stop()
    tool.server.shutdown()
    tool.server.server_close()
    clock.read = read
    os.environ.clear()
    os.environ.update(environment)
    aws.client.cache_clear()
    aws.setting.cache_clear()


def _keys(tool: Tool) -> list[tuple[str, str, Any]]:
    """(type, key, value) of what the tool took."""
    found = []
    for call in tool.accepted:
        key = call["context"]["personas"]["computation_key"]
        found.append((call["type"], key, call.get("traits", call.get("properties"))[key]))
    return found


def _delivered(world: World) -> dict[str, int]:
    hours = leases.counts(world.space.id, "des_1", 0, hour_of(world.now))
    total: dict[str, int] = {}
    for counts in hours.values():
        for name, count in counts.items():
            total[name] = total.get(name, 0) + count
    return total


def test_entries_values_and_exits_arrive_once(world: World) -> None:
    ids = {"user_id": ("u1",), "email": ("a@x",)}
    world.write("use_1", ids, vip=True, orders=3)
    world.drain()
    assert len(world.activate()) == 1
    assert sorted(_keys(world.tool)) == [
        ("identify", "orders", 3),
        ("identify", "vip", True),
        ("track", "orders", 3),
        ("track", "vip", True),
    ]
    assert world.activate() == []
    world.write("use_1", ids, vip=False, orders=3)
    world.drain()
    world.activate()
    assert [call["event"] for call in world.tool.accepted[4:] if call["type"] == "track"] == ["Audience Exited"]
    assert members.counts(world.space.id, "id_vip") == members.Counts(size=0, entered=1, exited=1)
    assert _delivered(world) == {"delivered": 6}
    assert agenda_left(world.space.id) == []


def test_what_the_stream_repeats_is_not_sent_again_even_after_it_was_delivered(world: World) -> None:
    world.write("use_1", {"user_id": ("u1",)}, vip=True)
    record = world.stream[0]
    world.feed([record, record])
    world.activate()
    world.feed([record])
    assert world.activate() == []
    assert len(world.tool.accepted) == 2
    assert members.counts(world.space.id, "id_vip").size == 1


def test_a_tool_that_fails_is_tried_again_later_and_only_its_own_items_wait(world: World) -> None:
    world.tool.respond = lambda call: (503, {}) if call["userId"] == "u1" else (200, {})
    world.write("use_1", {"user_id": ("u1",)}, vip=True)
    world.write("use_2", {"user_id": ("u2",)}, vip=True)
    world.drain()
    world.activate()
    assert {call["userId"] for call in world.tool.accepted} == {"u2"}
    assert world.activate() == []
    world.tool.respond = lambda call: (200, {})
    world.now += 2 * MINUTE
    world.activate()
    assert sorted(call["userId"] for call in world.tool.accepted) == ["u1", "u1", "u2", "u2"]
    assert _delivered(world) == {"delivered": 4, "retry": 2}


def test_retry_after_is_obeyed(world: World) -> None:
    world.tool.respond = lambda call: (429, {"retry-after": "7200"})
    world.write("use_1", {"user_id": ("u1",)}, vip=True)
    world.drain()
    world.activate()
    world.tool.respond = lambda call: (200, {})
    world.now += 2 * HOUR - 1
    assert world.activate() == []
    world.now += MINUTE
    world.activate()
    assert len(world.tool.accepted) == 2


def test_what_is_refused_is_kept_and_can_be_replayed(world: World) -> None:
    world.tool.respond = lambda call: (400, {}) if call["type"] == "track" else (200, {})
    world.write("use_1", {"user_id": ("u1",)}, vip=True)
    world.drain()
    world.activate()
    assert agenda_left(world.space.id) == []
    (letter,) = dead_letters.read(world.space.id, "deliver")
    assert "400" in letter.data["reason"]
    world.tool.respond = lambda call: (200, {})
    assert replay(world.space.id) == Replayed(deliveries=1)
    world.activate()
    assert [call["type"] for call in world.tool.accepted] == ["identify", "track"]
    assert list(dead_letters.read(world.space.id)) == []
    assert replay(world.space.id) == Replayed()


def test_a_replay_of_what_is_no_longer_so_sends_nothing(world: World) -> None:
    world.tool.respond = lambda call: (400, {})
    world.write("use_1", {"user_id": ("u1",)}, vip=True)
    world.drain()
    world.activate()
    world.tool.respond = lambda call: (200, {})
    world.write("use_1", {"user_id": ("u1",)}, vip=False)
    world.drain()
    world.activate()
    replay(world.space.id)
    assert world.activate() == []
    assert {value for _, _, value in _keys(world.tool)} == {False}


def test_a_newer_version_in_flight_stays_pending_and_follows(world: World) -> None:
    world.write("use_1", {"user_id": ("u1",)}, orders=1)
    world.drain()
    (batch,) = plan.handle({}, None)["batches"]
    answered = world.deliver(batch)
    world.write("use_1", {"user_id": ("u1",)}, orders=2)
    world.drain()
    assert plan.handle({}, None)["count"] == 0, "one batch of a queue in flight at a time"
    settle.handle(answered, None)
    world.activate()
    assert [value for type_, _, value in _keys(world.tool) if type_ == "identify"] == [1, 2]
    assert world.activate() == []


def test_a_settle_that_is_run_twice_or_comes_late_changes_nothing(world: World) -> None:
    world.write("use_1", {"user_id": ("u1",)}, vip=True)
    world.drain()
    (batch,) = plan.handle({}, None)["batches"]
    answered = world.deliver(batch)
    world.now += leases.LEASE
    (again,) = plan.handle({}, None)["batches"]
    assert again["key"] > batch["key"]
    assert settle.handle(answered, None) == {}
    second = world.deliver(again)
    settle.handle(second, None)
    assert settle.handle(second, None) == {}
    assert _delivered(world) == {"delivered": 2}
    assert len({call["messageId"] for call in world.tool.accepted}) == 2


def test_where_deliver_fails_as_a_whole_the_batch_is_tried_again(world: World) -> None:
    world.write("use_1", {"user_id": ("u1",)}, vip=True)
    world.drain()
    (batch,) = plan.handle({}, None)["batches"]
    failure = {"Error": "Lambda.Unknown", "Cause": "out of memory"}
    assert settle.handle({**batch, "failure": failure}, None)["retry"] == 2
    world.now += 2 * MINUTE
    world.activate()
    assert len(world.tool.accepted) == 2


def test_a_merge_tells_no_exits_cancels_what_the_loser_had_pending_and_tells_the_newcomers(world: World) -> None:
    world.write("use_1", {"user_id": ("u1",)}, vip=True)
    world.write("use_2", {"anonymous_id": ("d2",)}, vip=True, buyer=True)
    world.drain()
    world.write("use_2", {}, into="use_1")
    world.drain()
    world.activate()
    world.write("use_1", {"user_id": ("u1",), "anonymous_id": ("d2",)}, vip=True)
    world.drain()
    world.activate()
    assert {value for _, _, value in _keys(world.tool)} == {True}
    who = [(call.get("userId"), call.get("anonymousId")) for call in world.tool.accepted if call["type"] == "track"]
    assert who == [("u1", None), ("u1", "d2")]
    assert members.counts(world.space.id, "id_vip").size == 1
    assert members.counts(world.space.id, "id_buyer").size == 0


def test_many_members_count_right_and_drain_within_the_rate(world: World) -> None:
    for place in range(150):
        world.write(f"use_{place}", {"user_id": (f"u{place}",)}, vip=True)
    world.drain()
    world.run_dry()
    assert len(world.tool.accepted) == 300
    assert members.counts(world.space.id, "id_vip").size == 150
    assert len(list(members.members(world.space.id, "id_vip"))) == 150


def test_an_empty_plan_is_one_read_per_space(world: World) -> None:
    reads: list[str] = []
    aws.client("dynamodb").meta.events.register("before-call.dynamodb", lambda model, **_: reads.append(model.name))
    assert plan.handle({}, None) == {"count": 0, "batches": []}
    assert reads == ["Query", "Query"]  # the spaces, and the agenda of the only one


def _either(world: World, chance: random.Random, work: Any) -> None:
    """Does the work; now and then its worker dies after some of its writes, and it is done again."""
    while True:
        world.lives = chance.randrange(0, 12) if chance.random() < 0.5 else None
        try:
            work()
        except Died:
            continue
        finally:
            world.lives = None
        return


def _branch(world: World, chance: random.Random, batch: dict[str, Any]) -> None:
    """Deliver and settle, as the workflow does: a settle that dies is run again, or left to its lease."""
    answered = world.deliver(batch)
    for _ in range(3):
        world.lives = chance.randrange(0, 8) if chance.random() < 0.5 else None
        try:
            settle.handle(answered, None)
        except Died:
            continue
        finally:
            world.lives = None
        if chance.random() < 0.3:
            settle.handle(answered, None)
        return


@pytest.mark.parametrize("seed", range(8))
def test_whatever_dies_or_repeats_the_tool_ends_up_with_the_truth(world: World, seed: int) -> None:
    chance = random.Random(seed)
    people = {f"use_{place}": {"user_id": (f"u{place}",)} for place in range(6)}
    held: dict[str, dict[str, Any]] = {person: {"vip": False, "orders": 0} for person in people}

    def respond(call: dict[str, Any]) -> tuple[int, dict[str, str]]:
        return chance.choices([(200, {}), (500, {}), (429, {"retry-after": "90"})], [8, 2, 1])[0]

    world.tool.respond = respond
    unread: list[dict[str, Any]] = []
    for _ in range(25):
        person = chance.choice(list(people))
        held[person]["vip"] = chance.random() < 0.5
        held[person]["orders"] += chance.randrange(2)
        if chance.random() < 0.1:
            people[person] = {**people[person], "email": (f"{person}@x",)}
        world.write(person, people[person], **held[person])
        unread, world.stream = unread + world.stream, []
        if chance.random() < 0.5:
            # A worker reads part of the stream, dies here and there, and reads on from where it had got to.
            part = unread[: chance.randint(1, len(unread))]
            _either(world, chance, lambda part=part: world.feed(part))
            if chance.random() < 0.3:
                continue  # the checkpoint was lost: all of it will be read again
            unread = unread[len(part) :]
        if chance.random() < 0.6:
            planned: list[dict[str, Any]] = []
            _either(world, chance, lambda planned=planned: planned.extend(plan.handle({}, None)["batches"]))
            for batch in planned:
                if chance.random() < 0.9:
                    _branch(world, chance, batch)
            world.now += chance.choice([MINUTE, MINUTE, 20 * MINUTE])
    if unread:
        world.feed(unread)
    world.tool.respond = lambda call: (200, {})
    world.now += leases.LEASE
    world.run_dry()

    assert list(dead_letters.read(world.space.id)) == []
    truth = world.true_calls()
    last: dict[tuple[str, str], Any] = {}
    newest: dict[tuple[str, str], int] = {}
    for call in world.tool.accepted:
        change = truth[call["messageId"]]
        key = (change.profile, change.computation.key)
        assert change.version >= newest.get(key, 0), "something older came after something newer"
        newest[key] = change.version
        told = call.get("traits", call.get("properties"))[key[1]]
        assert told == change.value, "something was told that never was so"
        last[key] = told
    held_now = {
        (id_, key): entry.value for id_, profile in world.profiles.items() for key, entry in profile.computed.items()
    }
    assert last == held_now
    in_vip = sorted(id_ for (id_, key), value in held_now.items() if key == "vip" and value)
    assert sorted(members.members(world.space.id, "id_vip")) == in_vip
    assert members.counts(world.space.id, "id_vip").size == len(in_vip)
    for number in range(4):
        assert not leases.holds(Queue(world.space.id, "des_1", number), 10**9)
