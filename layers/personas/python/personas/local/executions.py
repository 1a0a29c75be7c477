"""Executions that functions start by themselves (StartExecution), each noted in a file until and after its end.

A name is used once for each state machine, as Step Functions has it: starting it again with the same input while it
runs answers with the one that runs. What a stop of the engine cut off is started again at the next start; on AWS it
would have gone on. So tasks may run twice, as they may there when one fails.
"""

import asyncio
import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from personas.core.errors import PersonasError
from personas.local.engine_clock import EngineClock
from personas.local.workflows import ABORTED, Workflows

_NAME = re.compile(r"[\w.+!@()=-]{1,80}")
RUNNING = "RUNNING"


class RefusedExecution(PersonasError):
    """An error as Step Functions answers it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Execution:
    machine: str
    """The ARN of the state machine."""
    name: str
    input: Any
    started_ms: int
    status: str = RUNNING

    @property
    def arn(self) -> str:
        return self.machine.replace(":stateMachine:", ":execution:") + ":" + self.name


class Executions:
    def __init__(self, workflows: Workflows, clock: EngineClock, directory: Path) -> None:
        self._workflows, self._clock, self._directory = workflows, clock, directory
        self._followed: set[asyncio.Task[None]] = set()

    def start(self, machine: str, input: Any, name: str | None = None) -> Execution:
        """Runs from now on, and counts as pending before this returns. Raises RefusedExecution."""
        if machine not in self._workflows.machines:
            raise RefusedExecution("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{machine}'")
        name = name or secrets.token_hex(16)
        if not _NAME.fullmatch(name):
            raise RefusedExecution("InvalidName", f"Invalid Name: '{name}'")
        execution = Execution(machine, name, input, self._clock.now_ms())
        known = self._known(execution)
        if known is not None:
            if known.status == RUNNING and known.input == input:
                return known
            raise RefusedExecution("ExecutionAlreadyExists", f"Execution Already Exists: '{execution.arn}'")
        self._note(execution)
        self._follow(execution)
        return execution

    def resume(self) -> None:
        """Start again what was running when the engine stopped."""
        for file in sorted(self._directory.glob("*/*.json")):
            execution = _read(file)
            if execution.status == RUNNING and execution.machine in self._workflows.machines:
                self._follow(execution)

    def _follow(self, execution: Execution) -> None:
        end = self._workflows.start(execution.machine, execution.input, execution.name)
        task = asyncio.get_running_loop().create_task(self._until_it_ends(execution, end))
        self._followed.add(task)
        task.add_done_callback(self._followed.discard)

    async def _until_it_ends(self, execution: Execution, end: asyncio.Task[Any]) -> None:
        ended = await end
        if ended.status != ABORTED:  # an aborted one was cut off by a stop
            self._note(replace(execution, status=ended.status))

    def _known(self, execution: Execution) -> Execution | None:
        file = self._file(execution)
        return _read(file) if file.exists() else None

    def _note(self, execution: Execution) -> None:
        file = self._file(execution)
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(execution)))
        os.replace(draft, file)

    def _file(self, execution: Execution) -> Path:
        return self._directory / execution.machine.rpartition(":")[2] / f"{execution.name}.json"


def _read(file: Path) -> Execution:
    return Execution(**json.loads(file.read_text()))
