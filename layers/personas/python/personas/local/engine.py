"""What Lambda, Kinesis and their event source mappings do on AWS, for the functions and streams of one template.

    engine = Engine(template, clock, state=Path(".personas"), aws_endpoint=emulator.url)
    await engine.start()
    await engine.invoke("ingest", b"{}")
    await engine.stop()

The emulator must be up, and what the template says provisioned and bound, from before `start` until after `stop`.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from personas.local import kinesis_api, lambda_api, states_api
from personas.local.discards import Discards
from personas.local.emulator_client import EmulatorClient
from personas.local.engine_clock import EngineClock
from personas.local.faults import Faults
from personas.local.functions import functions
from personas.local.invocation import Invocation
from personas.local.kinesis_api import KinesisApi
from personas.local.kinesis_streams import KinesisStream, kinesis_streams
from personas.local.lambda_api import LambdaApi
from personas.local.mapping_settings import MappingSettings, mappings
from personas.local.queue_mapping import QueueMapping
from personas.local.states_api import StatesApi
from personas.local.stream_events import Source, TableSource
from personas.local.stream_log import StreamLog
from personas.local.stream_mapping import StreamMapping
from personas.local.table_tail import TableTail
from personas.local.tail_watch import TailWatch
from personas.local.template import Template, UnusableTemplate
from personas.local.workers import Workers

_HOUR_MS = 3_600_000
_TABLE_RETENTION_HOURS = 24
_TRIM_EVERY_S = 60.0
_MAX_REQUEST = 2 * kinesis_api.MAX_CALL
_LOOK_S = 0.02


class Engine:
    def __init__(
        self,
        template: Template,
        clock: EngineClock,
        *,
        state: Path,
        aws_endpoint: str,
        port: int = 0,
        workers: int | Mapping[str, int] = 2,
    ) -> None:
        """`workers`: the most worker processes for each function, or by function, with "*" for the others."""
        self.functions = functions(template)
        self.faults = Faults(self.functions)
        self._template, self._clock, self._state = template, clock, state.absolute()
        self._aws_endpoint, self._port, self._caps = aws_endpoint, port, workers
        self._emulator = EmulatorClient(aws_endpoint, template.region)
        self._streams: dict[str, KinesisStream] = {}
        self._tails: dict[str, TableTail] = {}
        self._mappings: list[StreamMapping | QueueMapping] = []
        self._hurry = False
        self._states: StatesApi | None = None
        self._closing = AsyncExitStack()

    @property
    def endpoint(self) -> str:
        """The URL that serves Kinesis, Lambda and Step Functions."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def invocations(self) -> Mapping[str, int]:
        """How many invocations have ended, by function name."""
        return self._workers.invocations

    @property
    def hurry(self) -> bool:
        return self._hurry

    @hurry.setter
    def hurry(self, hurry: bool) -> None:
        """In a hurry, batching windows end at once."""
        self._hurry = hurry
        if hurry:
            for mapping in self._mappings:
                mapping.wake()

    async def start(self) -> None:
        """What had been started is stopped again by `stop`, also when this raises."""
        self._closing.callback(self._close_logs)
        self._closing.push_async_callback(self._emulator.close)
        self._streams = kinesis_streams(self._template, self._state / "streams", self._clock.now_ms)
        settings = mappings(self._template)
        self._tails = {s.source_arn: self._tail(s.source_arn) for s in settings if s.service == "dynamodb"}
        await self._listen()
        self._workers = Workers(
            self.functions,
            self._clock,
            self.faults,
            caps=self._caps,
            region=self._template.region,
            aws_endpoint=self._aws_endpoint,
            engine_endpoint=self.endpoint,
            logs=self._state / "logs",
            ended=lambda: self._watch.nudge(),
        )
        self._watch = TailWatch(list(self._tails.values()), lambda: bool(self._workers.in_flight))
        self._closing.push_async_callback(self._watch.stop)
        self._closing.push_async_callback(self._workers.stop)
        self._mappings = [self._mapping(each) for each in settings]
        self._watch.start()
        self._closing.push_async_callback(self._stop_mappings)
        for mapping in self._mappings:
            mapping.start()
        trimmer = asyncio.create_task(self._trim(), name="retention")
        self._closing.callback(trimmer.cancel)

    def serve_states(self, api: StatesApi) -> None:
        """What StartExecution asks for goes there; until then it is refused."""
        self._states = api

    async def stop(self) -> None:
        """Finish what is in flight, keep everything unread, and copy the tables' streams a last time."""
        await self._closing.aclose()

    async def invoke(self, name_or_arn: str, payload: bytes) -> Invocation:
        """Raises NotFound, and TooLarge above 6 MB."""
        return await self._workers.invoke(name_or_arn, payload)

    async def prewarm(self, *names: str) -> None:
        """Start a worker of each function before it is needed."""
        await self._workers.prewarm(*names)

    async def pending(self) -> list[str]:
        """What is not worked off, a line each. Exact: nothing that a finished handler wrote is overlooked."""
        before = self._activity()
        await self._watch.copy()
        lines = self._workers.pending()
        for mapping in self._mappings:
            lines += await mapping.pending()
        if not lines and self._activity() != before:
            return ["something that ended just now"]
        return lines

    async def settled(self, timeout_s: float) -> list[str]:
        """Hurry until nothing is pending; otherwise what still is when the time is up."""
        deadline = time.monotonic() + timeout_s
        self.hurry = True
        try:
            while (lines := await self.pending()) and time.monotonic() < deadline:
                await asyncio.sleep(_LOOK_S)
        finally:
            self.hurry = False
        return lines

    def status(self) -> dict[str, Any]:
        return {
            "mappings": [mapping.status() for mapping in self._mappings],
            "functions": self._workers.status(),
            "streams": {name: {"shards": len(stream.shards)} for name, stream in self._streams.items()},
        }

    def _activity(self) -> tuple[int, ...]:
        """Differs from before if anything has run or been written meanwhile."""
        return (
            sum(self._workers.invocations.values()),
            sum(self._workers.in_flight.values()),
            *(log.last for log in self._logs()),
        )

    async def _listen(self) -> None:
        async def by_target(http: web.Request) -> web.Response:
            if self._states is not None and http.headers.get("X-Amz-Target", "").startswith(states_api.TARGET):
                return await self._states.serve(http)
            return await KinesisApi(self._streams, self._clock, self.faults).serve(http)

        async def invoke(http: web.Request) -> web.Response:
            return await LambdaApi(self._workers).serve(http)

        app = web.Application(client_max_size=_MAX_REQUEST)
        app.router.add_post("/", by_target)
        app.router.add_post(lambda_api.PATH, invoke)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=5)
        self._closing.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port, backlog=256).start()
        self._port = runner.addresses[0][1]

    def _mapping(self, settings: MappingSettings) -> StreamMapping | QueueMapping:
        if settings.function not in self.functions:
            raise UnusableTemplate(f"{settings.id}: there is no function {settings.function}")
        if settings.service == "sqs":
            return QueueMapping(settings, self._emulator, invoke=self.invoke, faults=self.faults, pace=self)
        discards = Discards(self._aws_endpoint, self._clock, self._template.region, self._template.account)
        return StreamMapping(
            self._within_retention(settings),
            self._shards(settings),
            invoke=self.invoke,
            give_up=discards.keep,
            clock=self._clock,
            faults=self.faults,
            pace=self,
            state=self._state / "mappings",
        )

    def _within_retention(self, settings: MappingSettings) -> MappingSettings:
        """A record that the stream no longer keeps is too old for any mapping."""
        stream = self._streams.get(settings.source_arn.rpartition("/")[2])
        hours = stream.retention_hours if stream and settings.service == "kinesis" else _TABLE_RETENTION_HOURS
        return replace(settings, max_age_ms=min(settings.max_age_ms or hours * _HOUR_MS, hours * _HOUR_MS))

    def _shards(self, settings: MappingSettings) -> list[tuple[Source, StreamLog]]:
        if settings.service == "dynamodb":
            return [(TableSource(settings.source_arn), self._tails[settings.source_arn].log)]
        name = settings.source_arn.rpartition("/")[2]
        if name not in self._streams:
            raise UnusableTemplate(f"{settings.id}: there is no stream {name}")
        return [(shard.source, shard.log) for shard in self._streams[name].shards]

    def _tail(self, arn: str) -> TableTail:
        _, table, _, label = arn.split(":", 5)[5].split("/")
        directory = self._state / "streams" / f"table-{table}" / label.replace(":", ".")
        return TableTail(arn, StreamLog(directory, self._clock.now_ms), self._emulator, self._clock.now_ms)

    async def _stop_mappings(self) -> None:
        await asyncio.gather(*(mapping.stop() for mapping in self._mappings))

    def _close_logs(self) -> None:
        for log in self._logs():
            log.close()

    def _logs(self) -> list[StreamLog]:
        shards = [shard.log for stream in self._streams.values() for shard in stream.shards]
        return shards + [tail.log for tail in self._tails.values()]

    async def _trim(self) -> None:
        while True:
            now = self._clock.now_ms()
            for stream in self._streams.values():
                for shard in stream.shards:
                    shard.log.trim(now - stream.retention_hours * _HOUR_MS)
            for tail in self._tails.values():
                tail.log.trim(now - _TABLE_RETENTION_HOURS * _HOUR_MS)
            await asyncio.sleep(_TRIM_EVERY_S)
