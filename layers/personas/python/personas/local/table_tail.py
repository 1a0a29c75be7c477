"""Copies a table's stream from the emulator, which forgets it when it stops, into a log that does not.

A table keeps its stream's ARN over the emulator's restarts, but the stream begins empty. The last record copied is
known by its event id: if the emulator's stream has it, copying goes on behind it; if not, the stream is another life's,
and all of it is new.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from personas.local.emulator_client import EmulatorClient, EmulatorRefused
from personas.local.segments import Record
from personas.local.stream_events import TABLE_SHARD, table_event
from personas.local.stream_log import StreamLog

_PAGE = 1_000
_LOST = frozenset({"ExpiredIteratorException", "TrimmedDataAccessException"})


class TableTail:
    def __init__(self, arn: str, log: StreamLog, emulator: EmulatorClient, now_ms: Callable[[], int]) -> None:
        self.arn, self.log = arn, log
        self._emulator, self._now_ms = emulator, now_ms
        self._iterator: str | None = None
        self._lock = asyncio.Lock()

    async def copy(self) -> int:
        """Copy what the table's stream holds that was not copied yet, and say how many records that was."""
        async with self._lock:
            copied = 0
            try:
                while self._iterator is not None:
                    records, following = await self._page(self._iterator)
                    self._append(records)
                    copied += len(records)
                    self._iterator = following
                    if not records:
                        return copied
            except EmulatorRefused as error:
                if error.code not in _LOST:
                    raise
            return copied + await self._find()

    async def _find(self) -> int:
        """Read the whole stream and copy what comes after the record copied last, or all."""
        newest = self.log.newest()
        last_copied = orjson.loads(newest.data)["eventID"] if newest else None
        request = {"StreamArn": self.arn, "ShardId": TABLE_SHARD, "ShardIteratorType": "TRIM_HORIZON"}
        answer = await self._emulator.dynamodb_streams("GetShardIterator", request)
        records, iterator = await self._page(answer["ShardIterator"])
        found: list[dict[str, Any]] = []
        while records:
            found += records
            records, iterator = await self._page(iterator)
        for place, record in enumerate(found):
            if record["eventID"] == last_copied:
                found = found[place + 1 :]
                break
        self._append(found)
        self._iterator = iterator
        return len(found)

    async def _page(self, iterator: str) -> tuple[list[dict[str, Any]], str]:
        answer = await self._emulator.dynamodb_streams("GetRecords", {"ShardIterator": iterator, "Limit": _PAGE})
        return answer["Records"], answer["NextShardIterator"]

    def _append(self, records: list[dict[str, Any]]) -> None:
        now = self._now_ms()
        numbers = self.log.numbers(len(records))
        events = [table_event(record, self.arn, number, now) for record, number in zip(records, numbers, strict=True)]
        self.log.append([Record(number, now, *event) for event, number in zip(events, numbers, strict=True)])
