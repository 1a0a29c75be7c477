"""The Kinesis data plane as botocore speaks to it (JSON 1.1): putting, describing, iterating, getting.

Limits are AWS's: 1 MiB a record, 500 records and 10 MiB a call, and each shard's throughput, by real time. Streams
exist because the template has them; they are not made or changed here.
"""

import binascii
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from personas.core.errors import PersonasError
from personas.local.engine_clock import EngineClock
from personas.local.faults import Faults
from personas.local.kinesis_streams import KinesisStream, Shard, hash_key
from personas.local.stream_events import KinesisSource

TARGET = "Kinesis_20131202."
MAX_RECORD = 1024 * 1024
MAX_RECORDS = 500
MAX_CALL = 10 * 1024 * 1024
MAX_GET_RECORDS = 10_000
MAX_GET_BYTES = 10 * 1024 * 1024
ITERATOR_LIFE_S = 300
_HOUR_MS = 3_600_000
_TIME_SHIFT = 20
_CALLER = re.compile(r"\bapp/(\S+)")


class Refused(PersonasError):
    """An error as Kinesis answers it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class KinesisApi:
    def __init__(self, streams: Mapping[str, KinesisStream], clock: EngineClock, faults: Faults) -> None:
        self._streams, self._clock, self._faults = streams, clock, faults
        self._operations: dict[str, Callable[[dict[str, Any], str | None], dict[str, Any]]] = {
            "DescribeStream": self._describe_stream,
            "DescribeStreamSummary": self._describe_stream_summary,
            "GetRecords": self._get_records,
            "GetShardIterator": self._get_shard_iterator,
            "ListShards": self._list_shards,
            "ListStreams": self._list_streams,
            "PutRecord": self._put_record,
            "PutRecords": self._put_records,
        }

    async def serve(self, http: web.Request) -> web.Response:
        operation = http.headers.get("X-Amz-Target", "").removeprefix(TARGET)
        caller = _CALLER.search(http.headers.get("User-Agent", ""))
        try:
            if operation not in self._operations:
                raise Refused("UnknownOperationException", f"the local engine does not serve {operation or 'this'}")
            request = orjson.loads(await http.read())
            answer = self._operations[operation](request, caller[1] if caller else None)
        except orjson.JSONDecodeError as error:
            return _answer(400, {"__type": "SerializationException", "message": str(error)})
        except Refused as error:
            return _answer(400, {"__type": error.code, "message": str(error)})
        return _answer(200, answer)

    def _put_record(self, request: dict[str, Any], caller: str | None) -> dict[str, Any]:
        stream = self._stream(request)
        entry = _entry(request, "")
        shard, record = stream.put([entry], self._faults.refused(caller, 1))[0]
        if record is None:
            raise Refused("ProvisionedThroughputExceededException", _exceeded(stream, shard))
        return {"ShardId": shard.id, "SequenceNumber": KinesisSource.sequence_number(record.number)} | _ENCRYPTION

    def _put_records(self, request: dict[str, Any], caller: str | None) -> dict[str, Any]:
        stream, given = self._stream(request), request.get("Records") or []
        if not 1 <= len(given) <= MAX_RECORDS:
            raise _invalid("records", f"Member must have length between 1 and {MAX_RECORDS}, it has {len(given)}")
        entries = [_entry(each, f"records.{place}.member.") for place, each in enumerate(given, 1)]
        if sum(len(key.encode()) + len(data) for _, key, data in entries) > MAX_CALL:
            raise Refused("InvalidArgumentException", f"Records size exceeds {MAX_CALL} bytes")
        results: list[dict[str, str]] = []
        failed = 0
        for shard, record in stream.put(entries, self._faults.refused(caller, len(entries))):
            if record is None:
                failed += 1
                error = {
                    "ErrorCode": "ProvisionedThroughputExceededException",
                    "ErrorMessage": _exceeded(stream, shard),
                }
                results.append(error)
            else:
                sequence = KinesisSource.sequence_number(record.number)
                results.append({"ShardId": shard.id, "SequenceNumber": sequence})
        return {"FailedRecordCount": failed, "Records": results} | _ENCRYPTION

    def _describe_stream(self, request: dict[str, Any], _: str | None) -> dict[str, Any]:
        stream = self._stream(request)
        return {
            "StreamDescription": _summary(stream)
            | {"Shards": [_shard(shard) for shard in stream.shards], "HasMoreShards": False}
        }

    def _describe_stream_summary(self, request: dict[str, Any], _: str | None) -> dict[str, Any]:
        stream = self._stream(request)
        counts = {"OpenShardCount": sum(shard.open for shard in stream.shards), "ConsumerCount": 0}
        return {"StreamDescriptionSummary": _summary(stream) | counts}

    def _list_streams(self, request: dict[str, Any], _: str | None) -> dict[str, Any]:
        names = sorted(self._streams)
        names = [name for name in names if name > request.get("ExclusiveStartStreamName", "")]
        limit = request.get("Limit", 100)
        page = names[:limit]
        summaries = [{key: _summary(self._streams[name])[key] for key in _SUMMARY_KEYS} for name in page]
        return {"StreamNames": page, "HasMoreStreams": len(names) > limit, "StreamSummaries": summaries}

    def _list_shards(self, request: dict[str, Any], _: str | None) -> dict[str, Any]:
        return {"Shards": [_shard(shard) for shard in self._stream(request).shards]}

    def _get_shard_iterator(self, request: dict[str, Any], _: str | None) -> dict[str, Any]:
        stream = self._stream(request)
        shard = _named_shard(stream, request.get("ShardId", ""))
        kind = request.get("ShardIteratorType")
        if kind == "LATEST":
            after = shard.log.last
        elif kind == "TRIM_HORIZON":
            after = 0
        elif kind == "AT_TIMESTAMP" and "Timestamp" in request:
            after = (int(float(request["Timestamp"]) * 1_000) << _TIME_SHIFT) - 1
        elif kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER") and "StartingSequenceNumber" in request:
            after = KinesisSource.number(request["StartingSequenceNumber"]) - (kind == "AT_SEQUENCE_NUMBER")
        else:
            raise Refused("InvalidArgumentException", f"the iterator type {kind} is unknown or lacks its argument")
        return {"ShardIterator": _iterator(stream, shard, max(0, after))}

    def _get_records(self, request: dict[str, Any], _: str | None) -> dict[str, Any]:
        stream_name, shard_id, after, made = _read_iterator(request.get("ShardIterator", ""))
        if time.time() - made > ITERATOR_LIFE_S:
            raise Refused("ExpiredIteratorException", f"Iterator expired: it was older than {ITERATOR_LIFE_S} seconds")
        stream = self._stream({"StreamName": stream_name})
        shard = _named_shard(stream, shard_id)
        limit, size = int(request.get("Limit", MAX_GET_RECORDS)), 0
        oldest = self._clock.now_ms() - stream.retention_hours * _HOUR_MS
        records: list[dict[str, Any]] = []
        behind = 0
        for record in shard.log.read(after):
            if record.arrived_ms < oldest:
                continue
            size += len(record.data)
            if len(records) >= limit or (records and size > MAX_GET_BYTES):
                behind = self._clock.now_ms() - record.arrived_ms
                break
            after = record.number
            records.append(
                {
                    "SequenceNumber": KinesisSource.sequence_number(record.number),
                    "ApproximateArrivalTimestamp": record.arrived_ms / 1_000,
                    "Data": b64encode(record.data).decode(),
                    "PartitionKey": record.partition_key,
                }
            )
        return {"Records": records, "NextShardIterator": _iterator(stream, shard, after), "MillisBehindLatest": behind}

    def _stream(self, request: dict[str, Any]) -> KinesisStream:
        name = request.get("StreamName") or str(request.get("StreamARN", "")).rpartition("/")[2]
        if name not in self._streams:
            raise Refused("ResourceNotFoundException", f"Stream {name} under account 000000000000 not found.")
        return self._streams[name]


_ENCRYPTION = {"EncryptionType": "NONE"}
_SUMMARY_KEYS = ("StreamName", "StreamARN", "StreamStatus", "StreamModeDetails")


def _entry(given: dict[str, Any], place: str) -> tuple[int, str, bytes]:
    """Hash key, partition key and data."""
    key = given.get("PartitionKey")
    if not isinstance(key, str) or not 1 <= len(key) <= 256:
        raise _invalid(f"{place}partitionKey", "Member must have length between 1 and 256")
    try:
        data = b64decode(given["Data"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise _invalid(f"{place}data", "Member must be base64") from None
    if len(data) + len(key.encode()) > MAX_RECORD:
        raise _invalid(f"{place}data", f"Member must have length less than or equal to {MAX_RECORD}")
    explicit = given.get("ExplicitHashKey")
    if explicit is None:
        return hash_key(key), key, data
    if not re.fullmatch(r"0|([1-9]\d{0,38})", explicit) or int(explicit) >= 2**128:
        raise Refused(
            "InvalidArgumentException",
            f"Invalid ExplicitHashKey. It must be in the range: [0, 2^128-1]. Specified value was {explicit}",
        )
    return int(explicit), key, data


def _invalid(name: str, constraint: str) -> Refused:
    message = f"1 validation error detected: Value at '{name}' failed to satisfy constraint: {constraint}"
    return Refused("ValidationException", message)


def _exceeded(stream: KinesisStream, shard: Shard) -> str:
    return f"Rate exceeded for shard {shard.id} in stream {stream.name} under account 000000000000."


def _named_shard(stream: KinesisStream, shard_id: str) -> Shard:
    for shard in stream.shards:
        if shard.id == shard_id:
            return shard
    raise Refused("ResourceNotFoundException", f"Shard {shard_id} in stream {stream.name} not found.")


def _summary(stream: KinesisStream) -> dict[str, Any]:
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "RetentionPeriodHours": stream.retention_hours,
        "StreamCreationTimestamp": 0,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
    } | _ENCRYPTION


def _shard(shard: Shard) -> dict[str, Any]:
    first, last = shard.hashes
    numbers = {"StartingSequenceNumber": KinesisSource.sequence_number(0)}
    if not shard.open:
        numbers["EndingSequenceNumber"] = KinesisSource.sequence_number(shard.log.last)
    return {
        "ShardId": shard.id,
        "HashKeyRange": {"StartingHashKey": str(first), "EndingHashKey": str(max(first, last))},
        "SequenceNumberRange": numbers,
    }


def _iterator(stream: KinesisStream, shard: Shard, after: int) -> str:
    return b64encode(orjson.dumps([stream.name, shard.id, after, time.time()])).decode()


def _read_iterator(text: str) -> tuple[str, str, int, float]:
    try:
        stream, shard, after, made = orjson.loads(b64decode(text, validate=True))
        return str(stream), str(shard), int(after), float(made)
    except (binascii.Error, ValueError, TypeError):
        raise Refused("InvalidArgumentException", "Invalid ShardIterator.") from None


def _answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/x-amz-json-1.1")
