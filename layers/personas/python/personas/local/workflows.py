"""The template's state machines, run by an interpreter in a child process (interpreter.py), started when needed."""

import asyncio
import itertools
import json
import logging
import secrets
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from personas.core.errors import NotFound
from personas.local import children
from personas.local.engine_clock import EngineClock
from personas.local.functions import name_of
from personas.local.template import Template, UnusableTemplate

ABORTED = "ABORTED"
"""How an execution ends that the engine's stop cut off."""

_LINE_LIMIT = 64 * 1024 * 1024
_log = logging.getLogger("personas.workflows")


@dataclass(frozen=True, slots=True)
class Machine:
    name: str
    arn: str
    definition: str
    type: str

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions that its Lambda tasks name."""
        return tuple(sorted(_functions_in(json.loads(self.definition))))


@dataclass(frozen=True, slots=True)
class Ended:
    status: str
    """SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
    tasks: int
    """How many Lambda tasks ran; a workflow that found nothing to do has run its first only."""
    output: Any = None
    error: str | None = None
    cause: str | None = None


def machines(template: Template) -> dict[str, Machine]:
    """By ARN."""
    found = {}
    for resource in template.of_type("AWS::StepFunctions::StateMachine"):
        arn = template.ref(resource.id)
        definition = _definition(resource.properties, resource.id)
        found[arn] = Machine(
            template.name(resource.id), arn, definition, resource.properties.get("StateMachineType", "STANDARD")
        )
    return found


class Workflows:
    def __init__(
        self,
        machines: Mapping[str, Machine],
        clock: EngineClock,
        *,
        lambda_endpoint: str,
        aws_endpoint: str,
        log: Path,
    ) -> None:
        self.machines = machines
        self._clock, self._log = clock, log
        self._environment = {
            "LAMBDA_ENDPOINT": lambda_endpoint,
            "AWS_ENDPOINT_URL": aws_endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._running: dict[int, tuple[str, asyncio.Future[Ended]]] = {}
        self.counts: dict[str, dict[str, int]] = {}

    def running(self) -> list[str]:
        """The names of executions that have not ended, as `machine/execution`."""
        return [name for name, _ in self._running.values()]

    async def run(self, arn: str, input: Any, name: str | None = None) -> Ended:
        """Start an execution and wait for its end. A failed execution is returned, not raised."""
        return await self.start(arn, input, name)

    def start(self, arn: str, input: Any, name: str | None = None) -> asyncio.Task[Ended]:
        """Start an execution, which counts as running before this returns."""
        if arn not in self.machines:
            raise NotFound(f"there is no state machine {arn} in the template")
        machine, number, name = self.machines[arn], next(self._numbers), name or secrets.token_hex(8)
        loop = asyncio.get_running_loop()
        end: asyncio.Future[Ended] = loop.create_future()
        self._running[number] = f"{machine.name}/{name}", end
        return loop.create_task(self._execute(machine, number, name, input, end))

    async def _execute(self, machine: Machine, number: int, name: str, input: Any, end: asyncio.Future[Ended]) -> Ended:
        request = {
            "id": number,
            "machine": {
                "name": machine.name,
                "arn": machine.arn,
                "definition": interpretable(machine.definition),
                "type": machine.type,
            },
            "name": name,
            "input": input,
            "now_ms": self._clock.now_ms(),
        }
        try:
            await self._started()
            assert self._process is not None
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            await self._process.stdin.drain()
            ended = await end
        finally:
            self._running.pop(number, None)
        counts = self.counts.setdefault(machine.name, {})
        counts[ended.status] = counts.get(ended.status, 0) + 1
        if ended.status != "SUCCEEDED":
            _log.error("%s %s: %s: %s", machine.name, ended.status, ended.error, str(ended.cause)[:2_000])
        return ended

    async def warm(self) -> None:
        """Start the interpreter before it is needed."""
        await self._started()

    async def stop(self, patience_s: float = 20.0) -> None:
        """Wait for running executions, as long as patience lasts, then end the interpreter.

        What is cut off is taken up by the next run of its schedule: workflows lease what they claim.
        """
        ends = [end for _, end in self._running.values()]
        if ends:
            await asyncio.wait(ends, timeout=patience_s)
        if self._process is not None:
            await children.stop(self._process, 5.0)
        if self._listener is not None:
            await self._listener

    async def _started(self) -> None:
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "personas.local.interpreter",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    env=self._environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
                    limit=_LINE_LIMIT,
                    start_new_session=True,
                    preexec_fn=children.dies_with_parent(signal.SIGKILL),
                )
            self._listener = asyncio.create_task(self._listen(self._process))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            answer = json.loads(line)
            _, end = self._running.get(answer.pop("id"), (None, None))
            if end is not None and not end.done():
                end.set_result(Ended(**answer))
        await process.wait()
        for _, end in self._running.values():
            if not end.done():
                cause = f"the interpreter ended with status {process.returncode}"
                end.set_result(Ended(ABORTED, 0, error="Interpreter.Ended", cause=cause))


def interpretable(definition: str) -> str:
    """The definition as moto's parser takes it: it knows a Distributed Map's child executions as STANDARD only, which
    differ from EXPRESS ones in price and history, not in what they do."""

    def standard(value: Any) -> Any:
        if isinstance(value, list):
            return [standard(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {key: "STANDARD" if key == "ExecutionType" else standard(item) for key, item in value.items()}

    return json.dumps(standard(json.loads(definition)))


def _definition(properties: Mapping[str, Any], place: str) -> str:
    if "DefinitionString" in properties:
        text = properties["DefinitionString"]
    elif "Definition" in properties:
        text = json.dumps(properties["Definition"])
    else:
        raise UnusableTemplate(
            f"{place}: the local engine reads state machines from DefinitionString or Definition only"
        )
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace("${" + name + "}", str(value))
    return str(text)


def _functions_in(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*(_functions_in(item) for item in value))
    if not isinstance(value, dict):
        return set()
    found: set[str] = set().union(*(_functions_in(item) for item in value.values()))
    for key in ("Resource", "FunctionName"):
        if isinstance(name := value.get(key), str) and ":lambda:" in name and ":states:" not in name:
            found.add(name_of(name))
    return found
