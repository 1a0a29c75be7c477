"""What is sent again, however late, counts once: events within the memory, in the pages, and beyond; merged parts; and
whole batches that Lambda gave up."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from personas.core.envelope import Envelope
from personas.core.lanes import lane_of
from personas.core.moments import DAY, HOUR, MINUTE
from personas.profiles_stream import lane_records
from personas.replay_batches import ReplayedBatches, replay_batches
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.world import START, World, definition

ORDER = {"type": "track", "event": "Order"}


class Bucketed(Plane):
    """The plane with what a replay asks of S3 besides."""

    def get_paginator(self, name: str) -> "Bucketed":
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        yield {"Contents": [{"Key": key} for key in keys]} if keys else {}

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        self.objects.pop((Bucket, Key), None)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    plane, clock = Bucketed(), Clock(START)
    monkeypatch.setenv("EVENTS_STREAM", "events")
    with installed(plane, clock):
        world = World(plane, clock)
        world.create(definition("orders", "event('Order').count()"))
        world.settle()
        yield world


def orders(world: World, person: str) -> int:
    return int(world.computed(person, World.stored).get("orders", 0))


def another_order(world: World, person: str) -> None:
    """Its state is written, so that its memory forgets what is too old."""
    world.send(world.resolved(person, world.event(f"later {person}", ORDER)))
    world.settle()


def give_up(world: World, *envelopes: Envelope, name: str = "1") -> None:
    """What Lambda writes of records with the envelopes that profiles could not handle."""
    records = [
        {
            "eventSourceARN": "arn:aws:kinesis:us-east-1:1:stream/profiles",
            "kinesis": {
                "partitionKey": record.partition_key,
                "sequenceNumber": "1",
                "data": b64encode(record.data).decode(),
            },
        }
        for record in lane_records(envelopes)
    ]
    document = {
        "requestContext": {"functionArn": "arn:aws:lambda:us-east-1:1:function:personas-dev-profiles"},
        "KinesisBatchInfo": {
            "streamArn": "arn:aws:kinesis:us-east-1:1:stream/profiles",
            "shardId": "shardId-000000000000",
            "batchSize": len(records),
        },
        "payload": orjson.dumps({"Records": records}).decode(),
    }
    world.plane.put_object("dead", f"aws/lambda/uuid/shardId-0/2026/01/01/{name}", orjson.dumps(document))


@pytest.mark.parametrize("later", [HOUR, 4 * DAY, 13 * DAY])
def test_an_event_that_was_folded_is_not_counted_when_it_comes_again_days_later(world: World, later: int) -> None:
    event = world.event("m1", ORDER)
    world.send(world.resolved("use_a", event))
    world.settle()
    world.clock.ms += later
    another_order(world, "use_a")
    world.send(world.resolved("use_a", event))
    world.settle()
    assert orders(world, "use_a") == 2


@pytest.mark.parametrize("later", [HOUR, 4 * DAY, 13 * DAY, 30 * DAY])
def test_an_event_that_was_not_folded_counts_once_however_often_it_is_replayed(world: World, later: int) -> None:
    dead = world.event("m1", ORDER)
    world.send(world.resolved("use_a", world.event("m2", ORDER)))
    world.settle()
    world.clock.ms += later
    for _ in range(3):
        world.send(world.resolved("use_a", dead))
        world.settle()
        world.clock.ms += 10 * MINUTE
    assert orders(world, "use_a") == 2


def test_an_event_that_a_merged_profile_folded_is_found_in_that_profiles_pages(world: World) -> None:
    event = world.event("m1", ORDER)
    world.send(world.resolved("use_a", event))
    world.settle()
    world.send(world.merge("use_a", "use_b"))
    world.settle()
    world.clock.ms += 4 * DAY
    another_order(world, "use_b")
    world.send(world.resolved("use_a", event))
    world.settle()
    assert orders(world, "use_b") == 2


def test_a_batch_that_was_given_up_is_put_back_and_counts(world: World) -> None:
    give_up(world, *(world.resolved(person, world.event(f"m {person}", ORDER)) for person in ("use_a", "use_b")))
    assert replay_batches() == ReplayedBatches(batches=1, records=2)
    world.settle()
    assert [orders(world, person) for person in ("use_a", "use_b")] == [1, 1]
    assert replay_batches() == ReplayedBatches()


@pytest.mark.parametrize("later", [HOUR, 4 * DAY])
def test_a_batch_that_had_been_folded_after_all_changes_nothing(world: World, later: int) -> None:
    envelope = world.resolved("use_a", world.event("m1", ORDER))
    world.send(envelope)
    world.settle()
    give_up(world, envelope)
    world.clock.ms += later
    another_order(world, "use_a")
    replay_batches()
    world.settle()
    assert orders(world, "use_a") == 2


@pytest.mark.parametrize("later", [HOUR, 4 * DAY, 30 * DAY])
@pytest.mark.parametrize("arrived", [True, False])
def test_a_merged_profiles_part_is_taken_in_once_however_late(world: World, later: int, arrived: bool) -> None:
    world.send(world.resolved("use_a", world.event("m1", ORDER)))
    world.send(world.resolved("use_b", world.event("m2", ORDER)))
    world.settle()
    world.send(world.merge("use_a", "use_b"))
    world.deliver([lane_of("use_a")], 1)
    lane = world.plane.lanes[lane_of("use_b")]
    (part,) = _absorbs(lane[world.read_up_to[lane_of("use_b")] :])
    if arrived:
        world.settle()
        world.send(world.merge("use_b", "use_c"))  # and is forwarded to where its survivor went
    else:
        world.read_up_to[lane_of("use_b")] += 1  # given up: the lane goes on behind it
    world.settle()
    give_up(world, part)
    world.clock.ms += later
    another_order(world, "use_a")
    replay_batches()
    world.settle()
    assert orders(world, world.root("use_a")) == 3


def test_a_group_call_behind_the_watermark_of_its_lane_still_reaches_its_account(world: World) -> None:
    def group(message_id: str, **traits: Any) -> Envelope:
        event = world.event(message_id, {"type": "group", "groupId": "g1", "traits": traits})
        return world.resolved("use_a", event, "acc_1")

    world.send(group("m1", plan="pro"))
    world.deliver([lane_of("use_a")], 1)
    account = lane_of("acc_1")
    (first,) = _absorbs(world.plane.lanes[account][world.read_up_to[account] :])
    world.read_up_to[account] += 1  # given up
    world.send(group("m2", seats=5))
    world.settle()
    give_up(world, first)
    for _ in range(2):
        replay_batches()
        world.settle()
        give_up(world, first, name="again")
    profile = world.stored("acc_1")
    assert profile is not None
    assert profile.values() == {"plan": "pro", "seats": 5}


def test_a_batch_that_nobody_takes_stays_and_the_others_are_put_back(world: World) -> None:
    give_up(world, world.resolved("use_a", world.event("m1", ORDER)), name="2")
    key = "aws/lambda/uuid/shardId-0/2026/01/01/1"
    arn = "arn:aws:kinesis:us-east-1:1:stream/of-another-stack"
    function = {"functionArn": "arn:aws:lambda:us-east-1:1:function:personas-dev-identity"}
    document = {"requestContext": function, "KinesisBatchInfo": {"streamArn": arn}, "payload": '{"Records": []}'}
    world.plane.put_object("dead", key, orjson.dumps(document))
    replayed = replay_batches()
    assert (replayed.batches, replayed.records) == (1, 1)
    assert replayed.failed == (f"{key}: {arn} is no stream of this deployment",)
    assert [found for bucket, found in world.plane.objects if bucket == "dead"] == [key]


def test_only_the_batches_of_a_stage_are_put_back_where_one_is_named(world: World) -> None:
    give_up(world, world.resolved("use_a", world.event("m1", ORDER)))
    assert replay_batches("identity") == ReplayedBatches()
    assert replay_batches("profiles") == ReplayedBatches(1, 1)


def _absorbs(records: list[tuple[int, str, bytes]]) -> list[Envelope]:
    from personas.core.envelope import AbsorbEnvelope
    from personas.profiles_stream import read_envelopes

    found = [envelope for _, _, data in records for envelope in read_envelopes(data)]
    assert all(isinstance(envelope, AbsorbEnvelope) for envelope in found)
    return found
