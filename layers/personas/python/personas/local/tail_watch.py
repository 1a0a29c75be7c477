"""When the tables' streams are looked at: soon after an invocation, often while some run, seldom when nothing does."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import aiohttp

from personas.local.emulator_client import EmulatorRefused
from personas.local.table_tail import TableTail

BUSY_S = 0.05
IDLE_S = 0.5
_log = logging.getLogger("personas.streams")


class TailWatch:
    def __init__(self, tails: Sequence[TableTail], busy: Callable[[], bool]) -> None:
        """`busy`: whether something runs that may write to a table."""
        self._tails, self._busy = tails, busy
        self._nudge = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._tails:
            self._task = asyncio.create_task(self._run(), name="table streams")

    def nudge(self) -> None:
        """Something may just have written to a table."""
        self._nudge.set()

    async def copy(self) -> int:
        """Copy all that is there now."""
        return sum(await asyncio.gather(*(tail.copy() for tail in self._tails)))

    async def stop(self) -> None:
        """The last copy, after which the emulator may forget its streams."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.copy()

    async def _run(self) -> None:
        while True:
            self._nudge.clear()
            started = time.monotonic()
            try:
                await self.copy()
            except (EmulatorRefused, aiohttp.ClientError, TimeoutError) as error:
                _log.warning("the tables' streams cannot be read right now: %s", error)
            await self._wait(started)

    async def _wait(self, started: float) -> None:
        """Until the next look: at most one each BUSY_S, also when invocations end one after the other."""
        await asyncio.sleep(max(0.0, started + BUSY_S - time.monotonic()))
        if self._busy() or self._nudge.is_set():
            return
        try:
            await asyncio.wait_for(self._nudge.wait(), IDLE_S)
        except TimeoutError:
            return
