"""Workflows that a handler starts by itself: StartExecution through boto3, the engine, and moto's interpreter."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from personas.local.executions import Executions
from personas.local.states_api import StatesApi
from personas.local.workflows import Machine as StateMachine
from personas.local.workflows import Workflows
from tests.engine.machine import NOWHERE, Machine, asynchronous

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:job"
WORK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:work", "Payload.$": "$"},
    "OutputPath": "$.Payload",
    "End": True,
}
JOB = StateMachine("job", ARN, json.dumps({"StartAt": "Work", "States": {"Work": WORK}}), "STANDARD")


class Site:
    def __init__(self, machine: Machine, workflows: Workflows, executions: Executions) -> None:
        self.machine, self.workflows, self.executions = machine, workflows, executions

    async def start(self, name: str, input: Any, machine: str = ARN) -> dict[str, Any]:
        answer, _ = await self.machine.invoke("start", {"machine": machine, "name": name, "input": input})
        return answer

    async def ended(self) -> None:
        while self.workflows.running():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0)


@asynccontextmanager
async def site(state: Path, patience_s: float = 20.0) -> AsyncIterator[Site]:
    functions = Machine(state).function("start", "starting.start").function("work", "starting.work")
    async with functions as machine:
        workflows = Workflows(
            {ARN: JOB},
            machine.clock,
            lambda_endpoint=machine.engine.endpoint,
            aws_endpoint=NOWHERE,
            log=state / "log",
        )
        executions = Executions(workflows, machine.clock, state / "executions")
        machine.engine.serve_states(StatesApi(executions))
        try:
            yield Site(machine, workflows, executions)
        finally:
            await workflows.stop(patience_s)
            await asyncio.sleep(0)


@asynchronous
async def test_a_handler_starts_a_workflow_which_is_pending_at_once_and_whose_name_is_used_once(tmp_path):
    async with site(tmp_path) as here:
        started = await here.start("first", {"n": 1, "seconds": 0.5})
        assert started == {"arn": ARN.replace("stateMachine", "execution") + ":first"}
        assert here.workflows.running() == ["job/first"]
        assert await here.start("first", {"n": 1, "seconds": 0.5}) == started
        assert await here.start("first", {"n": 2}) == {"refused": "ExecutionAlreadyExists"}
        assert await here.start("a b", {}) == {"refused": "InvalidName"}
        assert await here.start("first", {}, machine=ARN + "s") == {"refused": "StateMachineDoesNotExist"}
        await here.ended()
        assert here.machine.seen() == [{"n": 1, "seconds": 0.5}]
        assert await here.start("first", {"n": 1, "seconds": 0.5}) == {"refused": "ExecutionAlreadyExists"}


@asynchronous
async def test_an_execution_that_a_stop_cut_off_is_started_again_and_one_that_ended_is_not(tmp_path):
    async with site(tmp_path, patience_s=0.1) as here:
        await here.start("short", {"n": 1})
        await here.ended()
        await here.start("long", {"n": 2, "seconds": 2})
        while len(here.machine.seen()) < 2:
            await asyncio.sleep(0.02)
    async with site(tmp_path) as here:
        here.executions.resume()
        assert here.workflows.running() == ["job/long"]
        await here.ended()
        assert [event["n"] for event in here.machine.seen()] == [1, 2, 2]
    async with site(tmp_path) as here:
        here.executions.resume()
        assert here.workflows.running() == []
