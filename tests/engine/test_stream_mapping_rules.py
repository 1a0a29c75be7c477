"""Batches, retries and reports of streams' event source mappings, rule by rule as Lambda's guide documents them."""

import asyncio
import base64
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from personas.local.stream_log import StreamLog
from tests.engine.machine import KINESIS, Machine, asynchronous, machine_with, until

REPORT = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


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
