"""The records of one shard that share a lane, delivered to a function one batch at a time, in order.

A shard has as many lanes as the mapping's ParallelizationFactor; a partition key (for tables: an item's key) always
has the same lane. So a batch that fails holds up its lane only, and within a key nothing overtakes anything. A batch
ends in one of three ways: done, given up to the on-failure target, or, at a stop, kept for the next start.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from personas.local.batch_outcome import Failure, Outcome, Partial, Success, response_outcome
from personas.local.discards import Discard
from personas.local.engine_clock import EngineClock
from personas.local.faults import Faults
from personas.local.invocation import Invocation, Invoke
from personas.local.mapping_settings import MappingSettings
from personas.local.segments import Record
from personas.local.stream_events import MAX_PAYLOAD, Source, payload, payload_size
from personas.local.stream_log import StreamLog

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
_log = logging.getLogger("personas.mappings")


class Pace(Protocol):
    hurry: bool
    """Whether batching windows end at once."""


@dataclass(slots=True)
class Counts:
    batches: int = 0
    records: int = 0
    failures: int = 0
    discarded: int = 0


@dataclass(slots=True)
class Part:
    """A batch, or what is left of one."""

    records: list[Record] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    size: int = 0
    failures: int = 0
    """How often it failed for good, splits not counted: they do not use up retries."""
    invocations: int = 0

    def add(self, record: Record, event: bytes) -> bool:
        """False if the payload would become too large with it."""
        if self.records and payload_size(len(self.records) + 1, self.size + len(event)) > MAX_PAYLOAD:
            return False
        self.records.append(record)
        self.events.append(event)
        self.size += len(event)
        return True

    def cut(self, begin: int, end: int | None = None) -> "Part":
        events = self.events[begin:end]
        return Part(self.records[begin:end], events, sum(map(len, events)), self.failures, self.invocations)


class Lane:
    def __init__(
        self,
        settings: MappingSettings,
        source: Source,
        log: StreamLog,
        number: int,
        done: int,
        *,
        invoke: Invoke,
        checkpoint: Callable[[int], None],
        give_up: Callable[[Discard], Awaitable[None]],
        clock: EngineClock,
        faults: Faults,
        pace: Pace,
    ) -> None:
        self._settings, self._source, self._log, self._number = settings, source, log, number
        self._invoke, self._checkpoint, self._give_up = invoke, checkpoint, give_up
        self._clock, self._faults, self._pace = clock, faults, pace
        self.done = self._cursor = done
        self._batch, self._full = Part(), False
        self._wake, self._stop = asyncio.Event(), asyncio.Event()
        self.counts = Counts()
        log.watch(self._wake.set)

    @property
    def idle(self) -> bool:
        return not self._batch.records and self._cursor >= self._log.last

    @property
    def unread(self) -> int:
        """Records that are not worked off; some may turn out to be filtered out."""
        return 0 if self.idle else self._log.count(self.done, lane=self._number, lanes=self._settings.parallel)

    @property
    def age_ms(self) -> int:
        """Of the oldest record that is not worked off."""
        if self.idle:
            return 0
        oldest = next(self._log.read(self.done, lane=self._number, lanes=self._settings.parallel), None)
        return self._clock.now_ms() - oldest.arrived_ms if oldest else 0

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Let what is in flight end; start nothing more."""
        self._stop.set()
        self._wake.set()

    async def run(self) -> None:
        while not self._stop.is_set():
            await self._collect()
            if self._stop.is_set():
                return
            self.counts.batches += 1
            self.counts.records += len(self._batch.records)
            if await self._work_off(self._batch):
                self._batch, self._full = Part(), False
                self._finish(self._cursor)

    async def _collect(self) -> None:
        """Fill the batch: until it is full, or its first record has waited for the window, or there is a hurry."""
        ends = float("inf")
        while not self._stop.is_set():
            self._wake.clear()
            self._fill()
            if self._batch.records:
                ends = min(ends, time.monotonic() + self._settings.window_s)
                if self._full or self._pace.hurry or time.monotonic() >= ends:
                    return
            try:
                await asyncio.wait_for(self._wake.wait(), None if ends == float("inf") else ends - time.monotonic())
            except TimeoutError:
                continue

    def _fill(self) -> None:
        settings = self._settings
        if self._full:
            return
        for record in self._log.read(self._cursor, lane=self._number, lanes=settings.parallel):
            if self._source.passes(settings.filters, record):
                if not self._batch.add(record, self._source.event(record)):
                    self._full = True
                    return
                self._full = len(self._batch.records) >= settings.batch_size
            self._cursor = record.number
            if self._full:
                return
        self._cursor = max(self._cursor, self._log.last)
        if not self._batch.records:
            self.done = self._cursor  # everything new was filtered out

    async def _work_off(self, batch: Part) -> bool:
        """True when the batch is over with; False when a stop left some of it."""
        parts = [batch]
        while parts:
            part = await self._without_expired(parts.pop())
            if not part.records:
                continue
            if self._stop.is_set():
                return False
            if self._faults.throttles(self._settings.function):
                await self._pause(FIRST_PAUSE_S)
                parts.append(part)
                continue
            outcome, invocation = await self._deliver(part)
            if isinstance(outcome, Success):
                self._finish(part.records[-1].number)
            else:
                self.counts.failures += 1
                parts += await self._after_failure(part, outcome, invocation)
        return True

    async def _after_failure(self, part: Part, outcome: Failure | Partial, invocation: Invocation) -> list[Part]:
        """What is delivered next, the last first."""
        bisect, whole = self._settings.bisect, isinstance(outcome, Failure)
        first = outcome.first if isinstance(outcome, Partial) else 0
        if first:
            self._finish(part.records[first - 1].number)
        rest = part.cut(first)
        if bisect and first:  # bisected where the function said
            return [rest]
        if bisect and whole and len(rest.records) > 1:
            middle = len(rest.records) // 2
            return [rest.cut(middle), rest.cut(0, middle)]
        rest.failures += 1
        if self._settings.max_retries is not None and rest.failures > self._settings.max_retries:
            await self._discard(rest, "RetryAttemptsExhausted", invocation)
            return []
        await self._pause(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(10, rest.failures - 1)))
        return [rest]

    async def _deliver(self, part: Part) -> tuple[Outcome, Invocation]:
        function, body = self._settings.function, payload(part.events)
        failing = self._faults.failing(function)
        part.invocations += 1
        if failing == "before":
            return Failure(), _FORCED
        outcome, invocation = await self._once(part, body)
        if failing == "after":
            return Failure(), _FORCED
        if isinstance(outcome, Success) and self._faults.redelivers(function):
            part.invocations += 1
            outcome, invocation = await self._once(part, body)
        return outcome, invocation

    async def _once(self, part: Part, body: bytes) -> tuple[Outcome, Invocation]:
        invocation = await self._invoked(body)
        if invocation.error is not None:
            return Failure(), invocation
        if not self._settings.partial_failures:
            return Success(), invocation
        identifiers = [self._source.sequence_number(record.number) for record in part.records]
        return response_outcome(invocation.payload, identifiers), invocation

    async def _invoked(self, body: bytes) -> Invocation:
        """As Lambda before an invocation: a function that cannot be started is tried again and uses up no retry."""
        while True:
            try:
                return await self._invoke(self._settings.function, body)
            except OSError:
                _log.exception("%s cannot be started", self._settings.function)
                await asyncio.sleep(LONGEST_PAUSE_S)

    async def _without_expired(self, part: Part) -> Part:
        """The part without the records that have become too old meanwhile, which are given up."""
        if self._settings.max_age_ms is None:
            return part
        oldest = self._clock.now_ms() - self._settings.max_age_ms
        expired = sum(1 for record in part.records if record.arrived_ms < oldest)
        if not expired:
            return part
        await self._discard(part.cut(0, expired), "RecordAgeExceeded", None)
        return part.cut(expired)

    async def _discard(self, part: Part, condition: str, invocation: Invocation | None) -> None:
        self.counts.discarded += len(part.records)
        await self._give_up(
            Discard(
                settings=self._settings,
                source=self._source,
                records=tuple(part.records),
                payload=payload(part.events),
                condition=condition,
                invocations=part.invocations,
                invocation=invocation,
            )
        )
        self._finish(part.records[-1].number)

    def _finish(self, number: int) -> None:
        self.done = max(self.done, number)
        self._checkpoint(self.done)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return


_FORCED = Invocation(b'{"errorType":"Fault","errorMessage":"failed by the engine"}', "Unhandled")
