"""A mapping of a Kinesis stream or a table stream to a function: its lanes over all shards, and its checkpoints."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from personas.local.checkpoints import Checkpoints
from personas.local.discards import Discard
from personas.local.engine_clock import EngineClock
from personas.local.faults import Faults
from personas.local.invocation import Invoke
from personas.local.mapping_settings import MappingSettings
from personas.local.stream_events import Source
from personas.local.stream_lane import Lane, Pace
from personas.local.stream_log import StreamLog

_TIME_SHIFT = 20
_log = logging.getLogger("personas.mappings")


class StreamMapping:
    def __init__(
        self,
        settings: MappingSettings,
        shards: Sequence[tuple[Source, StreamLog]],
        *,
        invoke: Invoke,
        give_up: Callable[[Discard], Awaitable[None]],
        clock: EngineClock,
        faults: Faults,
        pace: Pace,
        state: Path,
    ) -> None:
        self.settings = settings
        self._checkpoints = Checkpoints(state / f"{settings.id}.json")
        self._lanes = [
            Lane(
                settings,
                source,
                log,
                number,
                done,
                invoke=invoke,
                checkpoint=partial(self._checkpoint, source.shard_id, number),
                give_up=give_up,
                clock=clock,
                faults=faults,
                pace=pace,
            )
            for source, log in shards
            for number, done in enumerate(self._starts(source, log))
        ]
        self._checkpoints.save()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        if self.settings.enabled:
            name = self.settings.id
            self._tasks = [asyncio.create_task(lane.run(), name=f"mapping {name}") for lane in self._lanes]
            for task in self._tasks:
                task.add_done_callback(_tell_failure)

    async def stop(self) -> None:
        """Wait for what is in flight; what is not read is kept for the next start."""
        for lane in self._lanes:
            lane.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._checkpoints.save()

    def wake(self) -> None:
        for lane in self._lanes:
            lane.wake()

    async def pending(self) -> list[str]:
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error
        if not self.settings.enabled:
            return []
        unread = sum(lane.unread for lane in self._lanes)
        busy = sum(not lane.idle for lane in self._lanes)
        if not busy:
            return []
        return [f"mapping {self.settings.id}: {unread} records for {self.settings.function}"]

    def status(self) -> dict[str, Any]:
        counts = [lane.counts for lane in self._lanes]
        return {
            "id": self.settings.id,
            "uuid": self.settings.uuid,
            "source": self.settings.source_arn,
            "function": self.settings.function,
            "enabled": self.settings.enabled,
            "unread": sum(lane.unread for lane in self._lanes),
            "iteratorAgeMs": max((lane.age_ms for lane in self._lanes), default=0),
            **{
                name: sum(getattr(each, name) for each in counts)
                for name in ("batches", "records", "failures", "discarded")
            },
        }

    def _starts(self, source: Source, log: StreamLog) -> list[int]:
        settings = self.settings
        start = {"LATEST": log.last, "AT_TIMESTAMP": (settings.starts_at_ms << _TIME_SHIFT) - 1}.get(
            settings.starts_at, 0
        )
        return self._checkpoints.lanes(source.shard_id, settings.parallel, start)

    def _checkpoint(self, shard: str, lane: int, number: int) -> None:
        self._checkpoints.advance(shard, lane, number)
        self._checkpoints.save()


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("%s stands still", task.get_name(), exc_info=error)
