"""Kinesis in batches: records that PutRecords refuses are sent again, alone, until Kinesis has every one.

The call returns only when all are in, or raises; what went in before it raised stays in, so that every record must be
recognisable to its reader when the caller sends it again.
"""

import random
import time
from dataclasses import dataclass
from typing import Any

from personas.aws import client
from personas.core.errors import Unavailable

MAX_RECORDS = 500
MAX_BYTES = 4_500_000
TRIES = 8


class StreamRefusedRecords(Unavailable):
    """Kinesis refused records on every try, most likely because a shard is over its limit."""


@dataclass(frozen=True, slots=True)
class Record:
    data: bytes
    partition_key: str
    explicit_hash_key: str | None = None

    def entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"Data": self.data, "PartitionKey": self.partition_key}
        if self.explicit_hash_key is not None:
            entry["ExplicitHashKey"] = self.explicit_hash_key
        return entry


def put_records(stream: str, records: list[Record]) -> None:
    """Put all records; those of one partition key stay in their order, whatever is refused in between."""
    for batch in _batches(records):
        _put_batch(stream, [record.entry() for record in batch])


def _put_batch(stream: str, entries: list[dict[str, Any]]) -> None:
    for attempt in range(TRIES):
        answer = client("kinesis").put_records(StreamName=stream, Records=entries)
        if not answer["FailedRecordCount"]:
            return
        entries = [entry for entry, result in zip(entries, answer["Records"], strict=True) if "ErrorCode" in result]
        time.sleep(min(2.0, 0.05 * 2**attempt) * (0.5 + random.random() / 2))  # noqa: S311 - jitter, not a secret
    raise StreamRefusedRecords(f"{stream}: {len(entries)} records refused {TRIES} times")


def _batches(records: list[Record]) -> list[list[Record]]:
    """A key occurs once in a call: of two records of a key, the first may be refused and the second taken."""
    batches: list[list[Record]] = []
    size, keys = MAX_BYTES, set[str]()
    for record in records:
        full = size + len(record.data) > MAX_BYTES or len(batches[-1]) == MAX_RECORDS
        if full or record.partition_key in keys:
            batches.append([])
            size, keys = 0, set()
        batches[-1].append(record)
        keys.add(record.partition_key)
        size += len(record.data)
    return batches
