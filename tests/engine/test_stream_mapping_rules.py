"""Event source mappings of streams, rule by rule as AWS documents them (Lambda developer guide)."""

import asyncio
import base64
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from personas.local.segments import key_hash
from personas.local.stream_log import StreamLog
from tests.engine.machine import KINESIS, Machine, asynchronous

REPORT = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def machine_with(tmp_path: Path, handler: str = "recording.handle", shards: int = 1, **mapping: Any) -> Machine:
    return Machine(tmp_path).stream(shards=shards).function("fn", handler).mapping("fn", **mapping)


async def until(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)


@asynchronous
async def test_the_event_has_lambdas_kinesis_shape(tmp_path: Path) -> None:
    async with machine_with(tmp_path, "recording.keep") as machine:
        (put,) = await machine.put("data", key='k"ü')
        await machine.settle()
    (event,) = machine.seen()
    (record,) = event["Records"]
    arrived = record["kinesis"].pop("approximateArrivalTimestamp")
    assert abs(arrived - time.time()) < 60
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": 'k"ü',
            "sequenceNumber": put["SequenceNumber"],
            "data": base64.b64encode(b"data").decode(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{put['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/local",
        "awsRegion": "us-east-1",
        "eventSourceARN": KINESIS + "events",
    }


@asynchronous
async def test_a_batch_holds_at_most_batch_size_records_in_order(tmp_path: Path) -> None:
    async with machine_with(tmp_path, BatchSize=2) as machine:
        await machine.put("1", "2", "3", "4", "5")
        await machine.settle()
    assert machine.seen() == [["1", "2"], ["3", "4"], ["5"]]


@asynchronous
async def test_a_window_gathers_records_until_it_ends(tmp_path: Path) -> None:
    async with machine_with(tmp_path, MaximumBatchingWindowInSeconds=1) as machine:
        started = time.monotonic()
        await machine.put("1")
        await asyncio.sleep(0.2)
        await machine.put("2")
        await until(machine.seen)
        assert 0.9 < time.monotonic() - started < 3
        assert machine.seen() == [["1", "2"]]


@asynchronous
async def test_a_window_ends_early_when_the_batch_is_full(tmp_path: Path) -> None:
    async with machine_with(tmp_path, MaximumBatchingWindowInSeconds=300, BatchSize=2) as machine:
        await machine.put("1", "2", "3")
        await until(machine.seen)
    assert machine.seen() == [["1", "2"]]


@asynchronous
async def test_settling_does_not_wait_for_windows(tmp_path: Path) -> None:
    async with machine_with(tmp_path, MaximumBatchingWindowInSeconds=300) as machine:
        await machine.put("1")
        await machine.settle(5)
    assert machine.seen() == [["1"]]


@asynchronous
async def test_a_batch_holds_at_most_six_megabytes_of_payload(tmp_path: Path) -> None:
    log = StreamLog(tmp_path / "streams" / "events" / "shardId-000000000000", lambda: int(time.time() * 1_000))
    log.put(("k", b"x" * 1_000_000) for _ in range(10))
    log.close()
    machine = machine_with(tmp_path, "recording.keep")
    async with machine:
        await machine.settle()
    lines = machine.seen_file.read_text().splitlines()
    assert [len(json.loads(line)["Records"]) for line in lines] == [4, 4, 2]


@asynchronous
async def test_without_report_a_failed_batch_is_retried_whole_and_then_given_up(tmp_path: Path) -> None:
    async with machine_with(tmp_path, BatchSize=2, MaximumRetryAttempts=2) as machine:
        await machine.put("1", "bad", "3")
        await machine.settle()
        (status,) = machine.engine.status()["mappings"]
    assert machine.seen() == [["1", "bad"]] * 3 + [["3"]]
    assert (status["failures"], status["discarded"], status["unread"]) == (3, 2, 0)


@asynchronous
async def test_minus_one_retries_until_the_records_are_too_old_by_the_engines_clock(tmp_path: Path) -> None:
    async with machine_with(tmp_path, MaximumRetryAttempts=-1, MaximumRecordAgeInSeconds=3_600) as machine:
        await machine.put("bad")
        await until(lambda: len(machine.seen()) >= 4)
        assert await machine.engine.pending()
        machine.clock.advance(3_600_000 + 1_000)
        await machine.settle()
        await machine.put("2")
        await machine.settle()
    assert machine.seen()[-1] == ["2"]


@asynchronous
async def test_records_older_than_the_maximum_age_are_given_up_uninvoked(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        await machine.put("old")
        machine.clock.advance(61_000)
        await machine.put("young")
    async with machine_with(tmp_path, MaximumRecordAgeInSeconds=60) as machine:
        await machine.settle()
        assert machine.engine.status()["mappings"][0]["discarded"] == 1
    assert machine.seen() == [["young"]]


@asynchronous
async def test_without_a_maximum_age_records_are_retried_until_the_stream_no_longer_keeps_them(tmp_path: Path) -> None:
    async with machine_with(tmp_path, BatchSize=1) as machine:
        await machine.put("bad", "2")
        await until(lambda: len(machine.seen()) >= 3)
        machine.clock.advance(24 * 3_600_000)
        await machine.put("3")
        await machine.settle()
    assert machine.seen()[-1] == ["3"]
    assert ["2"] not in machine.seen()


@asynchronous
async def test_bisecting_halves_a_failed_batch_until_the_bad_record_is_alone_and_uses_up_no_retry(
    tmp_path: Path,
) -> None:
    machine = machine_with(tmp_path, BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)
    async with machine:
        await machine.put("1", "2", "3", "4", "5", "bad", "7", "8")
        await machine.settle()
        assert machine.engine.status()["mappings"][0]["discarded"] == 1
    assert machine.seen() == [
        ["1", "2", "3", "4", "5", "bad", "7", "8"],
        ["1", "2", "3", "4"],
        ["5", "bad", "7", "8"],
        ["5", "bad"],
        ["5"],
        ["bad"],
        ["7", "8"],
    ]


@asynchronous
async def test_a_reported_failure_is_the_checkpoint_and_the_rest_is_retried_from_there(tmp_path: Path) -> None:
    async with machine_with(tmp_path, "recording.report", MaximumRetryAttempts=1, **REPORT) as machine:
        await machine.put("1", "2", "bad", "4")
        await machine.settle()
    assert machine.seen() == [["1", "2", "bad", "4"], ["bad", "4"]]


@asynchronous
async def test_of_several_reported_failures_the_lowest_sequence_number_counts(tmp_path: Path) -> None:
    async with machine_with(tmp_path, "recording.report_all_bad", MaximumRetryAttempts=1, **REPORT) as machine:
        await machine.put("1", "bad2", "3", "bad4")
        await machine.settle()
    assert machine.seen() == [["1", "bad2", "3", "bad4"], ["bad2", "3", "bad4"]]


@asynchronous
async def test_a_reported_failure_bisects_where_it_is_and_uses_up_no_retry(tmp_path: Path) -> None:
    machine = machine_with(
        tmp_path, "recording.report", BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, **REPORT
    )
    async with machine:
        await machine.put("1", "bad", "3")
        await machine.settle()
    assert machine.seen() == [["1", "bad", "3"], ["bad", "3"], ["bad", "3"]]


@asynchronous
async def test_a_function_error_bisects_although_failures_could_be_reported(tmp_path: Path) -> None:
    machine = machine_with(tmp_path, BisectBatchOnFunctionError=True, MaximumRetryAttempts=0, **REPORT)
    async with machine:
        await machine.put("1", "bad")
        await machine.settle()
    assert machine.seen() == [["1", "bad"], ["1"], ["bad"]]


@pytest.mark.parametrize(
    "answer",
    [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}],
    ids=["null", "empty", "empty list", "null list"],
)
def test_an_empty_report_is_complete_success(tmp_path: Path, answer: Any) -> None:
    assert deliveries(tmp_path, answer) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"identifier": "1"}]},
        {"batchItemFailures": [{"itemIdentifier": "not in the batch"}]},
        {"batchItemFailures": "1"},
        "done",
    ],
    ids=["empty name", "null name", "wrong key", "a stranger", "no list", "no object"],
)
def test_a_report_that_cannot_be_read_is_complete_failure(tmp_path: Path, answer: Any) -> None:
    assert deliveries(tmp_path, answer) == 2


def test_reports_count_only_where_the_mapping_asks_for_them(tmp_path: Path) -> None:
    assert deliveries(tmp_path, {"batchItemFailures": [{"itemIdentifier": ""}]}, FunctionResponseTypes=None) == 1


def deliveries(tmp_path: Path, answer: Any, **mapping: Any) -> int:
    settings = {"MaximumRetryAttempts": 1, **REPORT, **mapping}
    machine = Machine(tmp_path).stream().mapping("fn", **settings)
    machine.function("fn", "recording.answer", environment={"ANSWER": json.dumps(answer)})

    @asynchronous
    async def scenario() -> None:
        async with machine:
            await machine.put("1", "2")
            await machine.settle()

    scenario()
    assert all(batch == ["1", "2"] for batch in machine.seen())
    return len(machine.seen())


@asynchronous
async def test_a_handler_that_exits_or_times_out_has_failed_as_a_whole(tmp_path: Path) -> None:
    machine = Machine(tmp_path).stream().function("fn", "recording.handle", timeout=1)
    async with machine.mapping("fn", MaximumRetryAttempts=0, BatchSize=1):
        await machine.put("exit", "2")
        await machine.settle()
        assert machine.engine.status()["mappings"][0]["discarded"] == 1
    assert machine.seen() == [["exit"], ["2"]]


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


@asynchronous
async def test_retries_come_at_growing_distances(tmp_path: Path) -> None:
    moments: list[float] = []
    async with machine_with(tmp_path, MaximumRetryAttempts=-1) as machine:
        await machine.put("bad")
        while len(moments) < 5:
            if len(machine.seen()) > len(moments):
                moments.append(time.monotonic())
            await asyncio.sleep(0.005)
    gaps = [after - before for before, after in pairwise(moments)]
    assert gaps[-1] > 3 * gaps[0]
