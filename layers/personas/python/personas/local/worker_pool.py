"""The workers of one function, made when needed up to a cap, and kept warm. Invocations beyond the cap wait in line."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson

from personas.local.engine_clock import EngineClock
from personas.local.faults import DEATH_STATUS, Faults
from personas.local.functions import Function
from personas.local.invocation import Invocation
from personas.local.worker import INIT_PATIENCE_S, InitFailed, Worker, WorkerExited

UNHANDLED = "Unhandled"


class WorkerPool:
    def __init__(
        self,
        function: Function,
        environment: Mapping[str, str],
        cap: int,
        log: Path,
        clock: EngineClock,
        faults: Faults,
        ended: Callable[[], None],
    ) -> None:
        self._function, self._environment, self._log = function, environment, log
        self._clock, self._faults, self._ended = clock, faults, ended
        self._places = asyncio.Semaphore(cap)
        self._idle: deque[Worker] = deque()
        self._busy: set[Worker] = set()
        self._stopped = False
        self.in_flight = self.finished = self.errors = 0
        self.milliseconds = 0.0

    async def invoke(self, payload: bytes) -> Invocation:
        """Run the handler on the payload once a worker is free. A handler's failure is returned, not raised."""
        self.in_flight += 1
        try:
            async with self._places:
                started = time.monotonic()
                invocation = await self._invoke(payload)
                self.milliseconds += (time.monotonic() - started) * 1_000
        finally:
            self.in_flight -= 1
            self._ended()
        self.finished += 1
        self.errors += invocation.error is not None
        return invocation

    async def prewarm(self) -> None:
        """Have a worker ready, if there is none."""
        async with self._places:
            if not self._idle:
                worker, failed = await self._spawn(_request_id())
                await self._keep(worker) if failed is None else await worker.kill()

    async def stop(self) -> None:
        """End the idle workers; kill those that are still at work."""
        self._stopped = True
        idle = list(self._idle)
        self._idle.clear()
        await asyncio.gather(*(worker.end() for worker in idle), *(worker.kill() for worker in self._busy))

    async def _invoke(self, payload: bytes) -> Invocation:
        request_id = _request_id()
        worker, failed = await self._worker(request_id)
        if failed is not None:
            await worker.kill()
            return failed
        head = {
            "id": request_id,
            "name": self._function.name,
            "arn": self._function.arn,
            "memory": self._function.memory_mb,
            "timeout_ms": self._function.timeout_seconds * 1_000,
            "offset_ns": self._clock.offset_ms * 1_000_000,
            "faults": self._faults.for_invocation(self._function.name),
        }
        self._busy.add(worker)
        try:
            told, body = await asyncio.wait_for(worker.call(head, payload), self._function.timeout_seconds)
        except asyncio.CancelledError:
            await worker.kill()
            raise
        except TimeoutError:
            await worker.kill()
            return self._timed_out(request_id)
        except WorkerExited as exited:
            if exited.status == DEATH_STATUS:
                self._faults.happened(self._function.name, died=True)
            return _exit_error(request_id, exited.status)
        finally:
            self._busy.discard(worker)
        if happened := told.get("happened"):
            self._faults.happened(self._function.name, **happened)
        await self._keep(worker)
        return Invocation(body, None if told["ok"] else UNHANDLED)

    async def _worker(self, request_id: str) -> tuple[Worker, Invocation | None]:
        generation = self._faults.generation(self._function.name)
        while self._idle:
            worker = self._idle.pop()  # the one used last is the warmest
            if worker.generation == generation:
                return worker, None
            await worker.end()
        return await self._spawn(request_id)

    async def _spawn(self, request_id: str) -> tuple[Worker, Invocation | None]:
        name = self._function.name
        generation, prepare = self._faults.generation(name), self._faults.for_worker(name)
        worker = await Worker.spawn(self._function, self._environment, self._log, generation, prepare)
        try:
            failed = await asyncio.wait_for(worker.ready(), INIT_PATIENCE_S)
        except TimeoutError:
            return worker, self._timed_out(request_id)
        except WorkerExited as exited:
            return worker, _exit_error(request_id, exited.status)
        return worker, Invocation(failed.body, UNHANDLED) if isinstance(failed, InitFailed) else None

    async def _keep(self, worker: Worker) -> None:
        if self._stopped:
            await worker.end()
        else:
            self._idle.append(worker)

    def _timed_out(self, request_id: str) -> Invocation:
        when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        seconds = self._function.timeout_seconds
        message = f"{when} {request_id} Task timed out after {seconds:.2f} seconds"
        return _error("Sandbox.Timedout", message, timed_out=True)


def _exit_error(request_id: str, status: int) -> Invocation:
    how = f"signal: {-status}" if status < 0 else f"exit status {status}"
    message = f"RequestId: {request_id} Error: Runtime exited with error: {how}"
    return _error("Runtime.ExitError", message)


def _error(kind: str, message: str, *, timed_out: bool = False) -> Invocation:
    return Invocation(orjson.dumps({"errorType": kind, "errorMessage": message}), UNHANDLED, timed_out)


def _request_id() -> str:
    text = secrets.token_hex(16)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
