"""When everything is worked off: streams, invocations, workflows, and the retries that are due by the engine's clock.

A schedule of every minute is not waited for: it is run at once when something may have come up for it, and again until
it finds nothing more.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from personas.core.errors import PersonasError
from personas.local.engine import Engine
from personas.local.engine_clock import EngineClock
from personas.local.foresight import Foresight
from personas.local.runner import RunFailed, Runner
from personas.local.workflows import Workflows

_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.25
"""Looking takes time from what is looked at."""

_PAUSE_AFTER_FAILURE_S = 1.0


class NotSettled(PersonasError):
    """Something was still pending when the time was up."""

    def __init__(self, pending: list[str]) -> None:
        super().__init__("still pending: " + "; ".join(pending))
        self.pending = pending


class Settling:
    def __init__(
        self,
        engine: Engine,
        workflows: Workflows,
        runner: Runner,
        clock: EngineClock,
        *,
        feeders: Mapping[str, frozenset[str]],
        foresights: Mapping[str, Foresight],
        dynamodb: Any,
    ) -> None:
        """`feeders`: by frequent schedule, the functions that may make work for it."""
        self._engine, self._workflows, self._runner, self._clock = engine, workflows, runner, clock
        self._feeders, self._foresights, self._dynamodb = feeders, foresights, dynamodb
        self._seen: dict[str, tuple[int, int]] = {}
        self._alarms: dict[str, int] = {}
        self._settling = 0
        self._stopping = False

    async def settle(self, timeout_s: float = 300.0) -> None:
        """Return once nothing is pending. Raises NotSettled when the time is up first."""
        deadline = time.monotonic() + timeout_s
        self._settling += 1
        self._engine.hurry = True
        try:
            await self._until_settled(deadline)
        finally:
            self._settling -= 1
            self._engine.hurry = self._settling > 0

    async def _until_settled(self, deadline: float) -> None:
        pause = _PAUSE_S
        while True:
            pending = await self.pending()
            if not pending and not self._stopping:
                pause = _PAUSE_S
                name = next(iter(self._to_run()), None)
                if name is None:
                    return
                pending = await self._run(name)
            if self._stopping:
                raise NotSettled([*pending, "the engine is stopping"])
            if time.monotonic() > deadline:
                raise NotSettled(pending or await self.pending() or ["nothing that has a name"])
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    async def stop(self) -> None:
        """Whoever waits is told at once that the engine is stopping; what is pending stays for the next start."""
        self._stopping = True

    async def pending(self) -> list[str]:
        """What is not worked off right now, schedules that are only due to be looked at left out."""
        running = [f"workflow {name}" for name in self._workflows.running()]
        running += [f"schedule {name}" for name in self._runner.running()]
        return running + await self._engine.pending()

    def _to_run(self) -> list[str]:
        now = self._clock.now_ms()
        frequent = [name for name, schedule in self._runner.schedules.items() if schedule.frequent]
        return [
            name
            for name in frequent
            if self._seen.get(name) != self._activity(name) or now >= self._alarms.get(name, now + 1)
        ]

    def _activity(self, name: str) -> tuple[int, int]:
        """Differs from before if something may have come up for the schedule."""
        count = self._engine.invocations
        return sum(count.get(feeder, 0) for feeder in self._feeders.get(name, ())), self._clock.offset_ms

    async def _run(self, name: str) -> list[str]:
        """Run a schedule once. Answers why it has to be run again, if it has."""
        before = self._activity(name)
        self._alarms.pop(name, None)
        try:
            worked = await self._runner.run(name)
        except RunFailed as error:
            await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
            return [f"schedule {name}: {error}"]
        if worked:
            self._seen.pop(name, None)
            return [f"schedule {name}"]
        self._seen[name] = before
        if name in self._foresights:
            moments = await asyncio.to_thread(self._foresights[name].moments, self._dynamodb)
            now = self._clock.now_ms()
            if later := [moment for moment in moments if moment > now]:
                self._alarms[name] = later[0]
        return []
