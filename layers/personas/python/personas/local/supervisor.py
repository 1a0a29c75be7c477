"""Puts the engine together, starts its parts in order, and stops them in the order in which nothing gets lost.

Stopping: whoever waits for settling is told → no more requests and runs → workflows end → invocations end, unread
records and checkpoints are kept → the emulator writes its state. A part that fails to stop does not keep the next from
being stopped.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from personas.local import bootstrap, checkout, synth
from personas.local.authorizers import Authorizers
from personas.local.emulator import Emulator
from personas.local.engine import Engine
from personas.local.engine_clock import EngineClock
from personas.local.executions import Executions
from personas.local.foresight import Foresight, foresight
from personas.local.front import Front
from personas.local.functions import Function, functions
from personas.local.local_api import LocalApi
from personas.local.provision import Provisioner, emulated_client
from personas.local.routes import routes
from personas.local.runner import Runner
from personas.local.schedules import Schedule, schedules
from personas.local.settling import Settling
from personas.local.sink import Sink
from personas.local.states_api import StatesApi
from personas.local.template import Template
from personas.local.timekeeper import Timekeeper
from personas.local.workflows import Machine, Workflows, machines

_WAITING = ("deliver",)
"""Functions that mostly wait for others: more of their workers run side by side than there are cores."""

_WARMED = ("ingest", "identity", "profiles", "changes", "profile-api")
_log = logging.getLogger("personas.supervisor")


@dataclass(slots=True)
class Supervisor:
    state: Path
    port: int
    say: Callable[[str], None]
    template: Template = field(init=False)
    emulator: Emulator = field(init=False)
    facts: dict[str, Any] = field(init=False)
    """What local.json says."""
    _stops: list[tuple[str, Callable[[], Awaitable[Any]]]] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns when the engine answers and the default space exists. `stop` must be called even if this raises."""
        logs = self.state / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.emulator = Emulator(checkout.emulator(), self.state / "emulator", logs / "ministack.log")
        self._stops.append(("ministack", self.emulator.stop))
        self.say("Reading the CDK app")
        assembly, _ = await asyncio.gather(asyncio.to_thread(synth.assembly), self.emulator.start())
        self.template = Template.load(assembly, queue_base=self.emulator.url, http_base=self.base_url)
        self.say("Making tables, buckets and streams")
        await asyncio.to_thread(Provisioner(self.template, self.emulator.url).run)
        self.say("Starting functions")
        await self._start_parts(logs)
        self.facts = await asyncio.to_thread(self._bootstrap)

    async def stop(self) -> None:
        while self._stops:
            name, stop = self._stops.pop()
            try:
                await stop()
            except Exception:  # noqa: BLE001 - the parts below still have to be stopped
                _log.exception("stopping %s failed", name)

    async def _start_parts(self, logs: Path) -> None:
        clock = EngineClock(self.state / "clock.json")
        known, planned, dynamodb = functions(self.template), schedules(self.template), self.dynamodb()
        caps = {"*": 2} | {function.name: 4 for function in known.values() if function.label in _WAITING}
        engine = Engine(self.template, clock, state=self.state, aws_endpoint=self.emulator.url, workers=caps)
        self._stops.append(("streams and workers", engine.stop))
        await engine.start()

        workflows = Workflows(
            machines(self.template),
            clock,
            lambda_endpoint=engine.endpoint,
            aws_endpoint=self.emulator.url,
            log=logs / "workflows.log",
        )
        self._stops.append(("workflows", workflows.stop))
        executions = Executions(workflows, clock, self.state / "executions")
        engine.serve_states(StatesApi(executions))
        runner = Runner(planned, workflows, engine.invoke, clock, self.state / "schedules.json")
        foreseen = _foresights(planned, workflows.machines, known)
        settling = Settling(
            engine,
            workflows,
            runner,
            clock,
            feeders={name: _feeders(planned[name], workflows.machines, known) for name in planned},
            foresights=foreseen,
            dynamodb=dynamodb,
        )
        timekeeper = Timekeeper(runner, clock, foreseen, dynamodb, settling.settle)
        self._stops.append(("schedules", timekeeper.stop))
        sink = Sink(self.state / "sink.jsonl")

        async def status() -> dict[str, Any]:
            return {
                "now": clock.now_ms(),
                "emulator": self.emulator.url,
                "operator": self._operator(engine, known),
                "pending": await settling.pending(),
                **engine.status(),
                "workflows": workflows.counts,
                "schedules": {name: runner.due(name) for name in planned},
                "sink": sink.listed(0),
            }

        local = LocalApi(clock, timekeeper, settling, runner, sink, engine.faults, status)
        authorizers = Authorizers(engine.invoke, self.template.region, self.template.account)
        front = Front(routes(self.template), engine.invoke, authorizers, clock)
        self._stops.append(("HTTP", front.stop))
        self._stops.append(("settling", settling.stop))
        await front.start(self.port, local.serve)
        timekeeper.start()
        executions.resume()
        await engine.prewarm(*(function.name for function in known.values() if function.label in _WARMED))
        asyncio.get_running_loop().create_task(workflows.warm())

    def _bootstrap(self) -> dict[str, Any]:
        (secret,) = self.template.of_type("AWS::SecretsManager::Secret")
        manager = emulated_client("secretsmanager", self.emulator.url)
        token = manager.get_secret_value(SecretId=self.template.name(secret.id))["SecretString"]
        workspace = next(
            function.environment["WORKSPACE_ID"]
            for function in functions(self.template).values()
            if "WORKSPACE_ID" in function.environment
        )
        return bootstrap.default_space(self.base_url, workspace, token, self.state / "local.json")

    def _operator(self, engine: Engine, known: Mapping[str, Function]) -> dict[str, str]:
        """The environment of somebody who works on the running system with its own code, such as `personas replay`."""
        merged = {name: value for function in known.values() for name, value in function.environment.items()}
        names = {name: value for name, value in merged.items() if name.endswith(("_TABLE", "_STREAM", "_BUCKET"))}
        endpoints = {f"AWS_ENDPOINT_URL_{service}": engine.endpoint for service in ("KINESIS", "LAMBDA", "SFN")}
        endpoints["AWS_ENDPOINT_URL"] = self.emulator.url
        return {**names, **endpoints, "AWS_DEFAULT_REGION": self.template.region}

    def profiles_table(self) -> str:
        environments = [function.environment for function in functions(self.template).values()]
        return next(found["PROFILES_TABLE"] for found in environments if "PROFILES_TABLE" in found)

    def dynamodb(self) -> Any:
        return emulated_client("dynamodb", self.emulator.url)


def _foresights(
    planned: Mapping[str, Schedule], machines: Mapping[str, Machine], known: Mapping[str, Function]
) -> dict[str, Foresight]:
    """By schedule, what can be foreseen of the functions that its workflows call."""
    found = {}
    for name, schedule in planned.items():
        for function in _called(schedule, machines, known):
            if (seen := foresight(function)) is not None:
                found[name] = seen
    return found


def _feeders(schedule: Schedule, machines: Mapping[str, Machine], known: Mapping[str, Function]) -> frozenset[str]:
    """The other functions that know the table whose log the schedule's workflow works off."""
    called = {function.name for function in _called(schedule, machines, known)}
    tables = {seen.table for name in called if (seen := foresight(known[name])) is not None}
    return frozenset(
        function.name
        for function in known.values()
        if function.name not in called and tables & set(function.environment.values())
    )


def _called(schedule: Schedule, machines: Mapping[str, Machine], known: Mapping[str, Function]) -> list[Function]:
    names = {name for target in schedule.targets if target.arn in machines for name in machines[target.arn].functions}
    return [known[name] for name in sorted(names) if name in known]
