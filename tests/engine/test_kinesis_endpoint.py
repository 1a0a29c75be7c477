"""The engine's Kinesis endpoint, spoken to with boto3."""

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from personas import streams
from tests.engine.machine import KINESIS, Machine, asynchronous


async def call(function: Any, **named: Any) -> Any:
    return await asyncio.to_thread(lambda: function(**named))


async def read(client: Any, shard: str = "shardId-000000000000", kind: str = "TRIM_HORIZON", **more: Any) -> list[Any]:
    iterator = await call(client.get_shard_iterator, StreamName="events", ShardId=shard, ShardIteratorType=kind, **more)
    return (await call(client.get_records, ShardIterator=iterator["ShardIterator"]))["Records"]


@asynchronous
async def test_records_come_back_as_they_were_put(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        client = machine.client("kinesis")
        put = await call(client.put_record, StreamName="events", Data=b"\x00\xff", PartitionKey="k")
        (record,) = await read(client)
    assert (record["Data"], record["PartitionKey"]) == (b"\x00\xff", "k")
    assert record["SequenceNumber"] == put["SequenceNumber"]
    assert len(put["SequenceNumber"]) == 56
    assert abs(record["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 5


@asynchronous
async def test_iterators_start_where_they_are_told_to(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        client = machine.client("kinesis")
        one, two, three = await machine.put("one", "two", "three", key="k")
        at = {"StartingSequenceNumber": two["SequenceNumber"]}
        assert [r["Data"] for r in await read(client, kind="AT_SEQUENCE_NUMBER", **at)] == [b"two", b"three"]
        assert [r["Data"] for r in await read(client, kind="AFTER_SEQUENCE_NUMBER", **at)] == [b"three"]
        assert await read(client, kind="LATEST") == []
        assert len(await read(client, kind="AT_TIMESTAMP", Timestamp=time.time() - 60)) == 3
        assert await read(client, kind="AT_TIMESTAMP", Timestamp=time.time() + 60) == []
    assert int(one["SequenceNumber"]) < int(two["SequenceNumber"]) < int(three["SequenceNumber"])


@asynchronous
async def test_next_iterators_lead_through_the_shard_without_gaps_or_repeats(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        client = machine.client("kinesis")
        await machine.put(*(str(n) for n in range(10)))
        shard = {"StreamName": "events", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
        iterator = (await call(client.get_shard_iterator, **shard))["ShardIterator"]
        found: list[bytes] = []
        for _ in range(5):
            page = await call(client.get_records, ShardIterator=iterator, Limit=3)
            found += [record["Data"] for record in page["Records"]]
            iterator = page["NextShardIterator"]
    assert found == [str(n).encode() for n in range(10)]


@asynchronous
async def test_partition_keys_go_to_shards_by_their_md5_and_explicit_hash_keys_by_themselves(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream(shards=4) as machine:
        client = machine.client("kinesis")
        described = (await call(client.list_shards, StreamName="events"))["Shards"]
        ranges = {s["ShardId"]: [int(edge) for edge in s["HashKeyRange"].values()] for s in described}
        assert sorted(edge for pair in ranges.values() for edge in pair)[:: len(ranges) * 2 - 1] == [0, 2**128 - 1]
        for key in map(str, range(20)):
            hashed = int(hashlib.md5(key.encode()).hexdigest(), 16)
            put = await call(client.put_record, StreamName="events", Data=b"x", PartitionKey=key)
            low, high = ranges[put["ShardId"]]
            assert low <= hashed <= high
        for shard, (low, high) in ranges.items():
            for edge in (low, high):
                explicit = {"PartitionKey": "any", "ExplicitHashKey": str(edge)}
                put = await call(client.put_record, StreamName="events", Data=b"x", **explicit)
                assert put["ShardId"] == shard


@asynchronous
async def test_streams_are_described_as_aws_describes_them(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream(shards=2) as machine:
        client = machine.client("kinesis")
        summary = (await call(client.describe_stream_summary, StreamName="events"))["StreamDescriptionSummary"]
        description = (await call(client.describe_stream, StreamName="events"))["StreamDescription"]
        names = (await call(client.list_streams))["StreamNames"]
    assert (summary["StreamARN"], summary["StreamStatus"]) == (KINESIS + "events", "ACTIVE")
    assert (summary["OpenShardCount"], summary["RetentionPeriodHours"]) == (2, 24)
    assert [shard["ShardId"] for shard in description["Shards"]] == ["shardId-000000000000", "shardId-000000000001"]
    assert names == ["events"]


@asynchronous
async def test_a_shard_refuses_what_is_over_a_megabyte_a_second_entry_by_entry(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        client = machine.client("kinesis")
        records = [{"Data": b"x" * 300_000, "PartitionKey": "k"} for _ in range(5)]
        answer = await call(client.put_records, StreamName="events", Records=records)
        assert answer["FailedRecordCount"] == 2
        codes = [result.get("ErrorCode") for result in answer["Records"]]
        assert codes == [None] * 3 + ["ProvisionedThroughputExceededException"] * 2
        with pytest.raises(ClientError, match="ProvisionedThroughputExceededException"):
            await call(client.put_record, StreamName="events", Data=b"x" * 900_000, PartitionKey="k")
        await asyncio.sleep(1)
        assert (await call(client.put_records, StreamName="events", Records=records[3:]))["FailedRecordCount"] == 0


@asynchronous
async def test_a_shard_refuses_more_than_a_thousand_records_a_second(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream(shards=2) as machine:
        client = machine.client("kinesis")
        low = [{"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": "0"} for _ in range(500)]
        answers = [await call(client.put_records, StreamName="events", Records=low) for _ in range(4)]
        failed = sum(answer["FailedRecordCount"] for answer in answers)
        assert 300 < failed < 1_000  # 1,000 at once, and what came free while the calls were made
        high = [{"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": str(2**128 - 1)} for _ in range(500)]
        assert (await call(client.put_records, StreamName="events", Records=high))["FailedRecordCount"] == 0


@asynchronous
async def test_calls_over_the_limits_are_refused_whole(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        client = machine.client("kinesis")
        small = {"Data": b"x", "PartitionKey": "k"}
        with pytest.raises(ClientError, match=r"ValidationException.*records"):
            await call(client.put_records, StreamName="events", Records=[small] * 501)
        with pytest.raises(ClientError, match=r"ValidationException.*data"):
            await call(client.put_record, StreamName="events", Data=b"x" * (1024 * 1024), PartitionKey="k")
        large = {"Data": b"x" * 1_000_000, "PartitionKey": "k"}
        with pytest.raises(ClientError, match="InvalidArgumentException"):
            await call(client.put_records, StreamName="events", Records=[large] * 11)
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            await call(client.put_record, StreamName="nowhere", Data=b"x", PartitionKey="k")
        with pytest.raises(ClientError, match="InvalidArgumentException"):
            await call(client.put_record, StreamName="events", **small, ExplicitHashKey=str(2**128))
        assert await read(client) == []


@asynchronous
async def test_unread_records_survive_a_restart_and_numbers_go_on_growing(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        (before,) = await machine.put("before")
    async with Machine(tmp_path).stream() as machine:
        (after,) = await machine.put("after")
        assert [r["Data"] for r in await read(machine.client("kinesis"))] == [b"before", b"after"]
    assert int(before["SequenceNumber"]) < int(after["SequenceNumber"])


@asynchronous
async def test_records_older_than_the_retention_are_gone_by_the_engines_clock(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream() as machine:
        await machine.put("old")
        machine.clock.advance(24 * 3_600_000)
        await machine.put("new")
        assert [r["Data"] for r in await read(machine.client("kinesis"))] == [b"new"]


@asynchronous
async def test_our_own_put_records_gets_everything_in_although_the_shard_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Machine(tmp_path).stream() as machine:
        client = machine.client("kinesis")
        monkeypatch.setattr(streams, "client", lambda service: client)
        records = [streams.Record(b"x" * 400_000, str(n)) for n in range(5)]
        await asyncio.to_thread(streams.put_records, "events", records)
        assert sorted(record["PartitionKey"] for record in await read(client)) == ["0", "1", "2", "3", "4"]


@asynchronous
async def test_two_thousand_small_records_a_second_cost_little(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream(shards=4) as machine:
        client = machine.client("kinesis")
        records = [{"Data": b"x" * 200, "PartitionKey": str(n)} for n in range(500)]
        await call(client.put_records, StreamName="events", Records=records[:1])
        started = time.process_time()
        for _ in range(4):
            await call(client.put_records, StreamName="events", Records=records)
        assert time.process_time() - started < 0.5  # of boto3 and the endpoint together


def test_boto3_speaks_json_to_kinesis() -> None:
    model = boto3.client("kinesis", region_name="us-east-1").meta.service_model
    assert (model.protocol_name if hasattr(model, "protocol_name") else model.metadata["protocol"]) == "json"
    assert model.metadata["jsonVersion"] == "1.1"
