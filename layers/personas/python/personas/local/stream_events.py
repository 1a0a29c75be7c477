"""Stream records as functions see them: the exact shapes of Lambda's Kinesis and DynamoDB events.

A record is turned into JSON once and joined with others as bytes, so that a batch of megabytes is not encoded twice.

>>> source = KinesisSource("arn:aws:kinesis:us-east-1:000000000000:stream/s", "shardId-000000000000")
>>> import json
>>> json.loads(source.event(Record(7, 1_500_000_000_123, "k", b"hi")))["kinesis"]["data"]
'aGk='
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from personas.local.event_patterns import Filters
from personas.local.segments import Record

MAX_PAYLOAD = 6 * 1024 * 1024
"""What Lambda takes as the payload of an invocation."""
_OPEN, _CLOSE = b'{"Records":[', b"]}"
TABLE_SHARD = "shardId-00000000000000000000-00000000"
_KINESIS_NUMBERS = 49 * 10**54
_TABLE_NUMBERS = 10**20


def payload(events: Sequence[bytes]) -> bytes:
    return _OPEN + b",".join(events) + _CLOSE


def payload_size(count: int, size: int) -> int:
    """Of so many events that have so many bytes together."""
    return size + count + len(_OPEN) + len(_CLOSE)


@dataclass(frozen=True, slots=True)
class KinesisSource:
    arn: str
    shard_id: str
    batch_info = "KinesisBatchInfo"

    @staticmethod
    def sequence_number(number: int) -> str:
        """56 digits, as AWS's have.

        >>> KinesisSource.sequence_number(7)[-9:], KinesisSource.number(KinesisSource.sequence_number(7))
        ('000000007', 7)
        """
        return str(_KINESIS_NUMBERS + number)

    @staticmethod
    def number(sequence_number: str) -> int:
        return int(sequence_number) - _KINESIS_NUMBERS

    def event(self, record: Record) -> bytes:
        sequence = self.sequence_number(record.number)
        return b"".join(
            (
                b'{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":',
                orjson.dumps(record.partition_key),
                f',"sequenceNumber":"{sequence}","data":"'.encode(),
                b64encode(record.data),
                f'","approximateArrivalTimestamp":{record.arrived_ms / 1_000:.3f}}},'
                f'"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"{self.shard_id}:{sequence}",'
                '"eventName":"aws:kinesis:record",'
                f'"invokeIdentityArn":"arn:aws:iam::000000000000:role/local","awsRegion":"{self.arn.split(":")[3]}",'
                f'"eventSourceARN":"{self.arn}"}}'.encode(),
            )
        )

    def passes(self, filters: Filters, record: Record) -> bool:
        """Patterns see the data itself, if it is JSON; data that is not never passes a pattern about data."""
        if not filters:
            return True
        facts: dict[str, Any] = {
            "partitionKey": record.partition_key,
            "sequenceNumber": self.sequence_number(record.number),
            "kinesisSchemaVersion": "1.0",
            "approximateArrivalTimestamp": record.arrived_ms / 1_000,
        }
        if filters.reads("data"):
            try:
                facts["data"] = orjson.loads(record.data)
            except orjson.JSONDecodeError:
                return False
        return filters.match(facts)


@dataclass(frozen=True, slots=True)
class TableSource:
    """The records of its log are Lambda's events already (see `table_event`)."""

    arn: str
    shard_id: str = TABLE_SHARD
    batch_info = "DDBStreamBatchInfo"

    @staticmethod
    def sequence_number(number: int) -> str:
        return str(_TABLE_NUMBERS + number)

    @staticmethod
    def number(sequence_number: str) -> int:
        return int(sequence_number) - _TABLE_NUMBERS

    def event(self, record: Record) -> bytes:
        return record.data

    def passes(self, filters: Filters, record: Record) -> bool:
        return not filters or filters.match(orjson.loads(record.data))


Source = KinesisSource | TableSource


def table_event(record: dict[str, Any], arn: str, number: int, now_ms: int) -> tuple[str, bytes]:
    """A stream record of the emulator as the partition key (its item's key) and data of a log record.

    It gets a sequence number of ours and the engine's time: the emulator knows neither of restarts nor of our clock.
    """
    change = record["dynamodb"]
    images = {name: change[name] for name in ("Keys", "NewImage", "OldImage") if name in change}
    event = {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": arn.split(":")[3],
        "dynamodb": {
            "ApproximateCreationDateTime": now_ms // 1_000,
            **images,
            "SequenceNumber": TableSource.sequence_number(number),
            "SizeBytes": len(orjson.dumps(images)),
            "StreamViewType": change["StreamViewType"],
        },
        "eventSourceARN": arn,
    }
    if "userIdentity" in record:
        event["userIdentity"] = record["userIdentity"]
    return orjson.dumps(change["Keys"], option=orjson.OPT_SORT_KEYS).decode(), orjson.dumps(event)
