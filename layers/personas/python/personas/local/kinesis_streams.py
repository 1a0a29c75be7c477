"""The template's Kinesis streams: shards by hash key, durable logs, and the limits of a shard.

>>> ranges = hash_ranges(2)
>>> [place for place, (first, last) in enumerate(ranges) if first <= hash_key("a") <= last]
[0]
"""

import hashlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from personas.core.errors import Unavailable
from personas.local.segments import Record
from personas.local.stream_events import KinesisSource
from personas.local.stream_log import StreamLog
from personas.local.template import Template

_HASH_KEYS = 2**128
SHARD_BYTES_A_SECOND = 1024 * 1024
SHARD_RECORDS_A_SECOND = 1_000


class ThroughputExceeded(Unavailable):
    """A shard has taken all that it takes in a second."""


@dataclass(slots=True)
class Allowance:
    """What a shard still takes right now: a second's worth at most, filled up as real time passes."""

    monotonic: Callable[[], float] = time.monotonic
    _bytes: float = SHARD_BYTES_A_SECOND
    _records: float = SHARD_RECORDS_A_SECOND
    _filled: float = field(init=False)

    def __post_init__(self) -> None:
        self._filled = self.monotonic()

    def take(self, size: int) -> bool:
        now = self.monotonic()
        passed, self._filled = now - self._filled, now
        self._bytes = min(SHARD_BYTES_A_SECOND, self._bytes + passed * SHARD_BYTES_A_SECOND)
        self._records = min(SHARD_RECORDS_A_SECOND, self._records + passed * SHARD_RECORDS_A_SECOND)
        if self._bytes < size or self._records < 1:
            return False
        self._bytes -= size
        self._records -= 1
        return True


@dataclass(frozen=True, slots=True)
class Shard:
    source: KinesisSource
    log: StreamLog
    hashes: tuple[int, int]
    """The first and last hash key; an empty range is a shard that an earlier template had."""
    allowance: Allowance = field(default_factory=Allowance)

    @property
    def id(self) -> str:
        return self.source.shard_id

    @property
    def open(self) -> bool:
        return self.hashes[0] <= self.hashes[1]


@dataclass(frozen=True, slots=True)
class KinesisStream:
    name: str
    arn: str
    retention_hours: int
    shards: tuple[Shard, ...]

    def shard_of(self, hash_key: int) -> Shard:
        return next(shard for shard in self.shards if shard.hashes[0] <= hash_key <= shard.hashes[1])

    def put(self, entries: list[tuple[int, str, bytes]], refused: set[int]) -> list[tuple[Shard, Record | None]]:
        """Append (hash key, partition key, data) entries, in order. None where a shard is over its limit or told to be.

        Each shard's log is written once, so that a call's records are acknowledged only when all are in their files.
        """
        placed: list[tuple[Shard, Record | None]] = []
        taken: dict[str, list[int]] = {}
        for place, (hashed, key, data) in enumerate(entries):
            shard = self.shard_of(hashed)
            if place not in refused and shard.allowance.take(len(key) + len(data)):
                taken.setdefault(shard.id, []).append(place)
            placed.append((shard, None))
        for places in taken.values():
            shard = placed[places[0]][0]
            records = shard.log.put((entries[place][1], entries[place][2]) for place in places)
            for place, record in zip(places, records, strict=True):
                placed[place] = (shard, record)
        return placed


def kinesis_streams(template: Template, directory: Path, now_ms: Callable[[], int]) -> dict[str, KinesisStream]:
    """By name."""
    found = {}
    for resource in template.of_type("AWS::Kinesis::Stream"):
        name, arn = template.name(resource.id), template.attribute(resource.id, "Arn")
        count = int(resource.properties.get("ShardCount", 1))
        known = len(list((directory / name).glob("shardId-*")))
        ranges = hash_ranges(count) + [(1, 0)] * max(0, known - count)
        shards = tuple(
            Shard(KinesisSource(arn, id), StreamLog(directory / name / id, now_ms), hashes)
            for id, hashes in ((f"shardId-{place:012d}", hashes) for place, hashes in enumerate(ranges))
        )
        found[name] = KinesisStream(name, arn, int(resource.properties.get("RetentionPeriodHours", 24)), shards)
    return found


def hash_key(partition_key: str) -> int:
    """As Kinesis: the MD5 of the partition key as a number of 128 bits."""
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest())


def hash_ranges(count: int) -> list[tuple[int, int]]:
    """Equal parts of all hash keys, first and last of each."""
    edges = [_HASH_KEYS * place // count for place in range(count + 1)]
    return [(first, last - 1) for first, last in itertools.pairwise(edges)]
