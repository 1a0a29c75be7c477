"""Runs what a schedule starts, and remembers until when each schedule has been served."""

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import orjson

from personas.core.errors import NotFound, PersonasError
from personas.local.engine_clock import EngineClock
from personas.local.functions import name_of
from personas.local.invocation import Invoke
from personas.local.schedules import Schedule
from personas.local.workflows import Workflows


class RunFailed(PersonasError):
    """A workflow or function that a schedule started did not succeed."""

    retryable = True


class Runner:
    """One run of a schedule at a time. (EventBridge overlaps them; the workflows' own claims keep them apart there.)"""

    def __init__(
        self, schedules: Mapping[str, Schedule], workflows: Workflows, invoke: Invoke, clock: EngineClock, file: Path
    ) -> None:
        self.schedules = schedules
        self._workflows, self._invoke, self._clock, self._file = workflows, invoke, clock, file
        self._locks = {name: asyncio.Lock() for name in schedules}
        served = json.loads(file.read_text()) if file.exists() else {}
        self._served: dict[str, int] = {name: served.get(name, clock.now_ms()) for name in schedules}

    def due(self, name: str) -> int | None:
        """When the schedule's next run is due: a moment that is past if runs were missed."""
        return self.schedules[name].when.next_after(self._served[name])

    def running(self) -> list[str]:
        return [name for name, lock in self._locks.items() if lock.locked()]

    async def run(self, name: str) -> int:
        """Run the schedule's targets now and mark everything up to now as served.

        Answers how many tasks its workflows ran beyond the first of each: 0 says that there was nothing to do. A run
        that fails or is cut off is not marked, so that it is made up for. Raises RunFailed.
        """
        if name not in self.schedules:
            raise NotFound(f"there is no schedule {name}; there are: {', '.join(sorted(self.schedules))}")
        async with self._locks[name]:
            now = self._clock.now_ms()
            schedule, work = self.schedules[name], 0
            for target in schedule.targets:
                event = target.input if target.input is not None else schedule.event(now, secrets.token_hex(8))
                if ":stateMachine:" in target.arn:
                    ended = await self._workflows.run(target.arn, event)
                    work += max(0, ended.tasks - 1)
                    if ended.status != "SUCCEEDED":
                        raise RunFailed(f"{ended.status}: {ended.error}: {str(ended.cause)[:500]}")
                else:
                    result = await self._invoke(name_of(target.arn), orjson.dumps(event))
                    if result.error is not None:
                        raise RunFailed(result.payload[:500].decode(errors="replace"))
            self._mark(name, now)
            return work

    def skip(self, name: str, moment_ms: int) -> None:
        """Mark everything up to the moment as served without a run."""
        self._mark(name, moment_ms)

    def _mark(self, name: str, moment: int) -> None:
        self._served[name] = max(self._served[name], moment)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".tmp")
        draft.write_text(json.dumps(self._served))
        os.replace(draft, self._file)
