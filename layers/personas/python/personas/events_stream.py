"""The events stream carries accepted events, keyed by what the sender knew: one record per bucket and request.

Events of one anonymousId (or userId, where there is none) lie in one bucket, so that they are resolved in the order in
which they were sent.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

import orjson

from personas import wire
from personas.aws import setting
from personas.core.event import Event
from personas.streams import Record, put_records

BUCKETS = 32
MAX_RECORD = 900_000
"""Bytes before compression, so that no content, however dense, comes near Kinesis' 1 MiB."""


def bucket_of(event: Event) -> int:
    sender = event.body.get("anonymousId") or event.body.get("userId") or ""
    digest = blake2b(f"{event.space}\x1f{sender}".encode(), digest_size=2).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def send(events: Iterable[Event]) -> None:
    """Returns when Kinesis has them all, in order per bucket. What is sent again is known by its messageIds."""
    waves: dict[int, list[Record]] = {}
    seen: Counter[str] = Counter()
    for record in events_records(events):
        waves.setdefault(seen[record.partition_key], []).append(record)
        seen[record.partition_key] += 1
    for wave in waves.values():
        put_records(setting("EVENTS_STREAM"), wave)


def events_records(events: Iterable[Event]) -> list[Record]:
    """The records for events of one request; those of one bucket keep their order within and across its records."""
    by_bucket: dict[int, list[Event]] = {}
    for event in events:
        by_bucket.setdefault(bucket_of(event), []).append(event)
    return [record for bucket, members in by_bucket.items() for record in _records(bucket, members)]


def read_events(data: bytes) -> list[Event]:
    return [Event.of_data(entry) for entry in wire.unpack(data)["events"]]


def _records(bucket: int, events: list[Event]) -> Iterator[Record]:
    part: list[dict[str, Any]] = []
    size = 0
    for event in events:
        data = event.to_data()
        weight = len(orjson.dumps(data))
        if part and size + weight > MAX_RECORD:
            yield _record(bucket, part)
            part, size = [], 0
        part.append(data)
        size += weight
    yield _record(bucket, part)


def _record(bucket: int, events: list[dict[str, Any]]) -> Record:
    return Record(wire.pack({"events": events}), str(bucket))
