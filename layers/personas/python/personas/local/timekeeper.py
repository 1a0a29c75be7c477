"""Lets time pass: runs each schedule when it falls due, by the machine's clock or by the clock that a test moves.

Moving the clock far skips the runs that would find nothing (foresight.py): a schedule of every minute is run where the
log of things to come says so, one of every hour likewise and once at the end, because it also mends what got lost.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from personas.core.moments import DAY, HOUR, MINUTE
from personas.local.engine_clock import EngineClock
from personas.local.foresight import Foresight
from personas.local.runner import RunFailed, Runner
from personas.local.schedule_expression import Cron, Rate

_LOOK_AGAIN_S = 1.0
_PAUSE_AFTER_FAILURE_S = 15.0
_log = logging.getLogger("personas.time")


class Timekeeper:
    def __init__(
        self,
        runner: Runner,
        clock: EngineClock,
        foresights: Mapping[str, Foresight],
        dynamodb: Any,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        """`foresights` by schedule; `settle` works off everything that is due."""
        self._runner, self._clock, self._foresights, self._dynamodb = runner, clock, foresights, dynamodb
        self._settle = settle
        self._moving = asyncio.Lock()
        self._passing: asyncio.Task[None] | None = None
        self._runs: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        self._passing = asyncio.create_task(self._pass())

    async def stop(self) -> None:
        """Begin no more runs; those that are running are waited for by Workflows.stop."""
        if self._passing is not None:
            self._passing.cancel()
            await asyncio.gather(self._passing, return_exceptions=True)

    async def advance(self, ms: int) -> None:
        """Move the clock forward, working off on the way what falls due, in order of time."""
        async with self._moving:
            await self._settle()
            offset = self._clock.offset_ms + ms
            journey = _Journey(self._runner, self._foresights, self._dynamodb, self._clock.now_ms(), ms)
            while (step := await journey.next(self._clock.now_ms())) is not None:
                moment, name = step
                self._clock.advance_to(moment)
                await self._runner.run(name)
                await self._settle()
                journey.ran(name, moment)
            self._clock.advance(offset - self._clock.offset_ms)
            for name in self._runner.schedules:
                self._runner.skip(name, journey.target)
            await self._settle()

    async def _pass(self) -> None:
        """The passing of real time."""
        while True:
            async with self._moving:
                now = self._clock.now_ms()
                for name in self._runner.schedules:
                    due = self._runner.due(name)
                    if due is not None and due <= now and name not in self._runs:
                        self._runs[name] = asyncio.create_task(self._try(name))
            dues = [due for name in self._runner.schedules if (due := self._runner.due(name)) is not None]
            wait_s = (min(dues, default=now + MINUTE) - now) / 1_000
            await asyncio.sleep(min(max(wait_s, 0.05), _LOOK_AGAIN_S))

    async def _try(self, name: str) -> None:
        try:
            await self._runner.run(name)
        except RunFailed as error:
            _log.error("the schedule %s failed: %s", name, error)
            await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)
        finally:
            del self._runs[name]


class _Journey:
    """One move of the clock: which runs lie on the way."""

    def __init__(self, runner: Runner, foresights: Mapping[str, Foresight], dynamodb: Any, now: int, ms: int) -> None:
        self.target = now + ms
        self._runner, self._foresights, self._dynamodb = runner, foresights, dynamodb
        self._read: dict[str, list[int]] = {}
        # What was due before and is still there has been tried: it waits for something else, such as a lease.
        self._tried = {name: now if schedule.frequent else 0 for name, schedule in runner.schedules.items()}

    async def next(self, now: int) -> tuple[int, str] | None:
        """The next run that may find something to do, and its schedule."""
        candidates = []
        for name, schedule in self._runner.schedules.items():
            at = await self._at(name, schedule.when, schedule.frequent)
            if at is not None:
                candidates.append((max(at, now), not schedule.frequent, name))
        if not candidates:
            return None
        moment, _, name = min(candidates)
        return moment, name

    def ran(self, name: str, moment: int) -> None:
        self._tried[name] = moment

    async def _at(self, name: str, when: Rate | Cron, frequent: bool) -> int | None:
        due = self._runner.due(name)
        if due is None or due > self.target:
            return None
        if name not in self._foresights:
            return None if frequent else due
        foreseen = await self._foreseen(name, due)
        if foreseen is not None and foreseen <= self.target:
            at = when.next_after(max(foreseen, due) - 1)
            if at is not None and at <= self.target:
                return at
        return None if frequent else _last(when, due, self.target)

    async def _foreseen(self, name: str, due: int) -> int | None:
        """The earliest entry of the log that no run has tried. What was read before still holds as long as it has an
        entry for the very next run: what was appended since lies later."""
        if due not in self._read.get(name, ()):
            self._read[name] = await asyncio.to_thread(self._foresights[name].moments, self._dynamodb)
        return next((moment for moment in self._read[name] if moment > self._tried[name]), None)


def _last(when: Rate | Cron, due: int, target: int) -> int:
    """The schedule's last run up to the target, where `due` is one of them."""
    last = due
    for span in (HOUR, DAY, 31 * DAY):
        at = when.next_after(max(due, target - span) - 1)
        if at is not None and at <= target:
            while at is not None and at <= target:
                last, at = at, when.next_after(at)
            break
    return last
