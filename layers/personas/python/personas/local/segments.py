"""One file of a shard's log: records appended one after the other, each with its length and checksum.

What was written before the process died (however it died) is read again; a record that was cut off in the middle is
cut off the file, so that what follows it can be found.
"""

import os
import struct
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct(">IIQQIH")
"""Length of what follows the head, checksum of what follows the checksum, number, arrival (ms), hash, key length."""
_AFTER_CHECKSUM = 8
_READ_AHEAD = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    number: int
    """The place in the shard's order. Grows, never repeats, leaves gaps."""
    arrived_ms: int
    """By the engine's clock."""
    partition_key: str
    data: bytes

    @property
    def key_hash(self) -> int:
        return key_hash(self.partition_key)


def key_hash(partition_key: str) -> int:
    return zlib.crc32(partition_key.encode())


class Segment:
    """Its file's name is the number that all its records are above."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.floor = int(path.stem)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._numbers, self._offsets, self._hashes = array("Q"), array("Q"), array("I")
        self.size = 0
        self.last_arrived_ms = 0
        self._index()

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def last(self) -> int:
        return self._numbers[-1] if self._numbers else self.floor

    def append(self, records: Sequence[Record]) -> None:
        """Written with one call, before anybody is told: a killed process loses no record that was acknowledged."""
        parts: list[bytes] = []
        for record in records:
            key = record.partition_key.encode()
            hashed = zlib.crc32(key)
            size = len(key) + len(record.data)
            head = _HEAD.pack(size, 0, record.number, record.arrived_ms, hashed, len(key))
            checksum = zlib.crc32(record.data, zlib.crc32(key, zlib.crc32(head[_AFTER_CHECKSUM:])))
            parts += (head[:4], checksum.to_bytes(4), head[_AFTER_CHECKSUM:], key, record.data)
            self._note(record.number, record.arrived_ms, hashed, _HEAD.size + size)
        _write(self._file, b"".join(parts))

    def read(self, after: int, lane: int, lanes: int) -> Iterator[Record]:
        """Records above a number whose key belongs to the lane (all, when there is one lane), in order."""
        buffer, start = b"", 0
        for place in range(bisect_right(self._numbers, after), len(self._numbers)):
            if lanes > 1 and self._hashes[place] % lanes != lane:
                continue
            begin, end = self._offsets[place], self._end(place)
            if not start <= begin <= end <= start + len(buffer):
                buffer, start = os.pread(self._file, max(_READ_AHEAD, end - begin), begin), begin
            yield _record(buffer, begin - start, end - start)

    def numbers_after(self, after: int, lane: int, lanes: int) -> int:
        """How many records `read` would give."""
        first = bisect_right(self._numbers, after)
        if lanes == 1:
            return len(self._numbers) - first
        return sum(1 for hashed in self._hashes[first:] if hashed % lanes == lane)

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)

    def delete(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)

    def _note(self, number: int, arrived_ms: int, hashed: int, size: int) -> None:
        self._numbers.append(number)
        self._offsets.append(self.size)
        self._hashes.append(hashed)
        self.size += size
        self.last_arrived_ms = arrived_ms

    def _end(self, place: int) -> int:
        return self._offsets[place + 1] if place + 1 < len(self._offsets) else self.size

    def _index(self) -> None:
        content = self.path.read_bytes()
        while self.size + _HEAD.size <= len(content):
            size, checksum, number, arrived_ms, hashed, _ = _HEAD.unpack_from(content, self.size)
            end = self.size + _HEAD.size + size
            if end > len(content) or zlib.crc32(content[self.size + _AFTER_CHECKSUM : end]) != checksum:
                break
            self._note(number, arrived_ms, hashed, _HEAD.size + size)
        if self.size < len(content):
            os.ftruncate(self._file, self.size)


def _record(buffer: bytes, begin: int, end: int) -> Record:
    _, _, number, arrived_ms, _, key_length = _HEAD.unpack_from(buffer, begin)
    data = begin + _HEAD.size + key_length
    return Record(number, arrived_ms, buffer[begin + _HEAD.size : data].decode(), buffer[data:end])


def _write(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
