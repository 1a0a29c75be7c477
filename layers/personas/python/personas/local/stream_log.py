"""A shard's records, durable and in order: the engine's Kinesis shards and its copies of DynamoDB table streams.

Numbers begin with the engine's time, so that they grow even over a log that was lost; they are numbers, and compared
as such. Files older than the retention are deleted whole; readers who were faster than that lose nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from personas.local.segments import Record, Segment

SEGMENT_BYTES = 16 * 1024 * 1024
_TIME_SHIFT = 20


class StreamLog:
    def __init__(self, directory: Path, now_ms: Callable[[], int], *, segment_bytes: int = SEGMENT_BYTES) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._now_ms, self._segment_bytes = directory, now_ms, segment_bytes
        self._segments = [Segment(path) for path in sorted(directory.glob("*.log"), key=lambda path: int(path.stem))]
        if not self._segments:
            self._segments.append(self._new_segment(0))
        self._watchers: list[Callable[[], None]] = []

    @property
    def last(self) -> int:
        """The number of the newest record, or what the next will be above."""
        return self._segments[-1].last

    def watch(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each append."""
        self._watchers.append(wake)

    def numbers(self, count: int) -> range:
        """Numbers for records to append next. Reserved only by appending them."""
        first = max(self.last + 1, self._now_ms() << _TIME_SHIFT)
        return range(first, first + count)

    def put(self, entries: Iterable[tuple[str, bytes]]) -> list[Record]:
        """Append (partition key, data) pairs, stamped with the engine's time now."""
        pairs, now = list(entries), self._now_ms()
        numbers = self.numbers(len(pairs))
        records = [Record(number, now, key, data) for number, (key, data) in zip(numbers, pairs, strict=True)]
        self.append(records)
        return records

    def append(self, records: Sequence[Record]) -> None:
        if not records:
            return
        if self._segments[-1].size >= self._segment_bytes:
            self._segments[-1].sync()
            self._segments.append(self._new_segment(self.last))
        self._segments[-1].append(records)
        for wake in self._watchers:
            wake()

    def read(self, after: int, *, lane: int = 0, lanes: int = 1) -> Iterator[Record]:
        """Records above a number, oldest first; of one lane only where there are several (a key has one lane)."""
        for segment in self._segments:
            if segment.last > after:
                yield from segment.read(after, lane, lanes)

    def count(self, after: int, *, lane: int = 0, lanes: int = 1) -> int:
        """How many records `read` would give."""
        return sum(segment.numbers_after(after, lane, lanes) for segment in self._segments if segment.last > after)

    def newest(self) -> Record | None:
        for segment in reversed(self._segments):
            if len(segment):
                return next(segment.read(segment.last - 1, 0, 1))
        return None

    def trim(self, before_ms: int) -> None:
        """Delete the files whose records all arrived before a moment; never the one that is written to."""
        while len(self._segments) > 1 and self._segments[0].last_arrived_ms < before_ms:
            self._segments.pop(0).delete()

    def close(self) -> None:
        for segment in self._segments:
            segment.sync()
            segment.close()

    def _new_segment(self, floor: int) -> Segment:
        return Segment(self._directory / f"{floor}.log")
