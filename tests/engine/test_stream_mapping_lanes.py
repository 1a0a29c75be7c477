"""Lanes, filters, beginnings and checkpoints of streams' event source mappings, as Lambda's guide documents them."""

import asyncio
import base64
import json
import time
from pathlib import Path

from personas.local.segments import key_hash
from tests.engine.machine import Machine, asynchronous, machine_with, until


@asynchronous
async def test_within_a_partition_key_nothing_overtakes_and_other_lanes_are_not_held_up(tmp_path: Path) -> None:
    keys = [key for key in "abcdefgh" if key_hash(key) % 10 != key_hash("bad") % 10]
    async with machine_with(tmp_path, ParallelizationFactor=10, MaximumRetryAttempts=-1, BatchSize=1) as machine:
        await machine.put("bad:1", "bad:2", *(f"{key}:{n}" for n in range(3) for key in keys))
        await until(lambda: len([batch for batch in machine.seen() if batch != ["bad:1"]]) == 3 * len(keys))
        assert await machine.engine.pending()
    seen = [text for (text,) in machine.seen()]
    for key in keys:
        assert [text for text in seen if text.startswith(key + ":")] == [f"{key}:{n}" for n in range(3)]
    assert "bad:2" not in seen


@asynchronous
async def test_a_shard_has_as_many_invocations_at_a_time_as_the_factor_says(tmp_path: Path) -> None:
    async with machine_with(tmp_path, ParallelizationFactor=4, BatchSize=1) as machine:
        most = 0
        await machine.put(*(f"slow{n}" for n in range(8)))
        while await machine.engine.pending():
            most = max(most, machine.engine.status()["functions"]["fn"]["inFlight"])
            await asyncio.sleep(0.02)
    assert 2 <= most <= 4


@asynchronous
async def test_a_failing_shard_does_not_hold_up_another(tmp_path: Path) -> None:
    async with machine_with(tmp_path, shards=2, MaximumRetryAttempts=-1) as machine:
        client = machine.client("kinesis")
        for hash_key, text in (("0", "bad"), (str(2**128 - 1), "good")):
            record = {"Data": text.encode(), "PartitionKey": "k", "ExplicitHashKey": hash_key}
            await asyncio.to_thread(lambda record=record: client.put_record(StreamName="events", **record))
        await until(lambda: ["good"] in machine.seen())
        assert await machine.engine.pending()


@asynchronous
async def test_filtered_records_are_neither_delivered_nor_seen_again(tmp_path: Path) -> None:
    pattern = {"data": {"kind": ["wanted"]}}
    criteria = {"Filters": [{"Pattern": json.dumps(pattern)}]}
    wanted = json.dumps({"kind": "wanted"})
    async with machine_with(tmp_path, FilterCriteria=criteria) as machine:
        await machine.put(json.dumps({"kind": "other"}), "no JSON", wanted, json.dumps({"kind": "other"}))
        await machine.settle()
    async with machine_with(tmp_path, FilterCriteria=None) as machine:
        await machine.settle()
    assert machine.seen() == [[wanted]]


@asynchronous
async def test_latest_passes_over_what_was_there_before_the_mapping(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        await machine.put("before")
    async with machine_with(tmp_path, StartingPosition="LATEST") as machine:
        await machine.settle()
        await machine.put("after")
        await machine.settle()
    assert machine.seen() == [["after"]]


@asynchronous
async def test_trim_horizon_begins_with_the_oldest_record(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        await machine.put("before")
    async with machine_with(tmp_path) as machine:
        await machine.settle()
    assert machine.seen() == [["before"]]


@asynchronous
async def test_at_timestamp_begins_with_what_arrived_since(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        await machine.put("before")
        machine.clock.advance(10_000)
        since = machine.clock.now_ms() / 1_000
        await machine.put("after")
    machine = machine_with(tmp_path, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=since)
    async with machine:
        await machine.settle()
    assert machine.seen() == [["after"]]


@asynchronous
async def test_checkpoints_survive_a_restart_in_every_lane(tmp_path: Path) -> None:
    texts = [f"{n}:x" for n in range(12)]
    for part in (texts[:6], texts[6:]):
        async with machine_with(tmp_path, ParallelizationFactor=3) as machine:
            await machine.put(*part)
            await machine.settle()
    assert sorted(text for batch in machine.seen() for text in batch) == sorted(texts)


@asynchronous
async def test_another_parallelization_factor_delivers_what_is_unread_and_keeps_the_order_of_keys(
    tmp_path: Path,
) -> None:
    async with machine_with(tmp_path, ParallelizationFactor=2) as machine:
        await machine.put("1", "2", "3")
        await machine.settle()
    async with machine_with(tmp_path, ParallelizationFactor=5, BatchSize=1) as machine:
        await machine.put("a:1", "a:2", "b:1")
        await machine.settle()
    seen = [text for batch in machine.seen() for text in batch]
    assert [text for text in seen if text.startswith("a")] == ["a:1", "a:2"]
    assert set(seen) == {"1", "2", "3", "a:1", "a:2", "b:1"}


@asynchronous
async def test_a_stop_keeps_what_has_not_succeeded_for_the_next_start(tmp_path: Path) -> None:
    async with machine_with(tmp_path, MaximumRetryAttempts=-1, BatchSize=2) as machine:
        await machine.put("1", "bad", "3")
        await until(lambda: len(machine.seen()) >= 2)
    machine.seen_file.unlink()
    async with Machine(tmp_path).stream().function("fn", "recording.keep").mapping("fn") as machine:
        await machine.settle()
    (event,) = machine.seen()
    assert [base64.b64decode(record["kinesis"]["data"]) for record in event["Records"]] == [b"1", b"bad", b"3"]


@asynchronous
async def test_a_stop_lets_a_running_invocation_end_and_counts_it(tmp_path: Path) -> None:
    async with machine_with(tmp_path) as machine:
        await machine.put("slow")
        await until(machine.seen)
    async with machine_with(tmp_path) as machine:
        await machine.settle()
    assert machine.seen() == [["slow"]]


@asynchronous
async def test_a_disabled_mapping_reads_nothing_and_nothing_is_lost_to_it(tmp_path: Path) -> None:
    async with machine_with(tmp_path, Enabled=False) as machine:
        await machine.put("1")
        await machine.settle()
        assert machine.seen() == []
    async with machine_with(tmp_path, Enabled=True) as machine:
        await machine.settle()
    assert machine.seen() == [["1"]]


@asynchronous
async def test_two_mappings_of_a_stream_each_see_every_record(tmp_path: Path) -> None:
    machine = Machine(tmp_path).stream().function("one", "recording.handle").function("two", "recording.handle")
    async with machine.mapping("one").mapping("two"):
        await machine.put("1")
        await machine.settle()
    assert machine.seen() == [["1"], ["1"]]


@asynchronous
async def test_a_record_is_pending_from_its_acknowledgement_until_it_is_worked_off(tmp_path: Path) -> None:
    async with machine_with(tmp_path) as machine:
        assert await machine.engine.pending() == []
        await machine.put("slow")
        assert await machine.engine.pending()
        await machine.settle()
        assert machine.seen() == [["slow"]]
        started = time.monotonic()
        assert await machine.engine.pending() == []
        assert time.monotonic() - started < 0.03
