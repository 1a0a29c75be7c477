"""Runs the template's functions: one pool of worker processes for each, and what is asked of them asynchronously."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from personas.core.errors import NotFound, TooLarge
from personas.local.engine_clock import EngineClock
from personas.local.faults import Faults
from personas.local.functions import Function, name_of
from personas.local.invocation import Invocation
from personas.local.stream_events import MAX_PAYLOAD
from personas.local.worker import environment
from personas.local.worker_pool import WorkerPool

ASYNC_RETRIES = 2
MAX_ASYNC_PAYLOAD = 1024 * 1024
_ASYNC_PAUSE_S = 0.5
_LOOK_S = 0.02
_MAX_LOG = 16 * 1024 * 1024
_log = logging.getLogger("personas.functions")


class Workers:
    def __init__(
        self,
        functions: Mapping[str, Function],
        clock: EngineClock,
        faults: Faults,
        *,
        caps: int | Mapping[str, int],
        region: str,
        aws_endpoint: str,
        engine_endpoint: str,
        logs: Path,
        ended: Callable[[], None],
    ) -> None:
        """`caps`: worker processes for each function, or by function name or label, with "*" for the others.

        `ended` is called after each invocation.
        """
        logs.mkdir(parents=True, exist_ok=True)
        self.functions = functions
        self._pools = {
            name: WorkerPool(
                function,
                environment(function, region=region, aws_endpoint=aws_endpoint, engine_endpoint=engine_endpoint),
                _cap(function, caps),
                _log_file(logs, function),
                clock,
                faults,
                ended,
            )
            for name, function in functions.items()
        }
        self._events: set[asyncio.Task[None]] = set()

    async def invoke(self, name_or_arn: str, payload: bytes) -> Invocation:
        """Raises NotFound and TooLarge."""
        pool = self._pool(name_or_arn)
        if len(payload) > MAX_PAYLOAD:
            raise TooLarge(f"the payload has {len(payload)} bytes, Lambda takes {MAX_PAYLOAD}")
        return await pool.invoke(payload)

    def invoke_later(self, name_or_arn: str, payload: bytes) -> None:
        """As InvocationType Event: tried again twice when it fails. Raises NotFound and TooLarge."""
        pool = self._pool(name_or_arn)
        if len(payload) > MAX_ASYNC_PAYLOAD:
            raise TooLarge(f"the payload has {len(payload)} bytes, Lambda takes {MAX_ASYNC_PAYLOAD} for an event")
        task = asyncio.create_task(self._event(pool, name_of(name_or_arn), payload))
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    async def prewarm(self, *names: str) -> None:
        await asyncio.gather(*(self._pool(name).prewarm() for name in names))

    async def stop(self, patience_s: float = 30.0) -> None:
        """Wait for what is under way, as long as patience lasts, then end all workers."""
        deadline = time.monotonic() + patience_s
        while self.pending() and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)
        for event in self._events:
            event.cancel()
        await asyncio.gather(*(pool.stop() for pool in self._pools.values()))

    @property
    def in_flight(self) -> dict[str, int]:
        return {name: pool.in_flight for name, pool in self._pools.items() if pool.in_flight}

    @property
    def invocations(self) -> dict[str, int]:
        """How many have ended, by function."""
        return {name: pool.finished for name, pool in self._pools.items()}

    def pending(self) -> list[str]:
        waiting = [f"{count} invocations of {name}" for name, count in self.in_flight.items()]
        return waiting + ([f"{len(self._events)} asynchronous invocations"] if self._events else [])

    def status(self) -> dict[str, Any]:
        return {
            name: {
                "invocations": pool.finished,
                "errors": pool.errors,
                "inFlight": pool.in_flight,
                "milliseconds": round(pool.milliseconds, 1),
            }
            for name, pool in self._pools.items()
        }

    async def _event(self, pool: WorkerPool, name: str, payload: bytes) -> None:
        for attempt in range(ASYNC_RETRIES + 1):
            if attempt:
                await asyncio.sleep(_ASYNC_PAUSE_S * attempt)
            invocation = await pool.invoke(payload)
            if invocation.error is None:
                return
        _log.error(
            "%s failed %d times: %s", name, ASYNC_RETRIES + 1, invocation.payload[:1_000].decode(errors="replace")
        )

    def _pool(self, name_or_arn: str) -> WorkerPool:
        name = name_of(name_or_arn)
        if name not in self._pools:
            raise NotFound(f"Function not found: {name}")
        return self._pools[name]


def _cap(function: Function, caps: int | Mapping[str, int]) -> int:
    if isinstance(caps, int):
        return caps
    return caps.get(function.name, caps.get(function.label, caps.get("*", 2)))


def _log_file(logs: Path, function: Function) -> Path:
    file = logs / f"{function.name}.log"
    if file.exists() and file.stat().st_size > _MAX_LOG:
        file.replace(file.with_suffix(".log.1"))
    return file
