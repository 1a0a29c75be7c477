"""State machines run for real: moto's interpreter in its process, a Lambda endpoint, and the emulator's S3."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from personas.local.engine_clock import EngineClock
from personas.local.provision import emulated_client
from personas.local.workflows import Machine, Workflows, interpretable
from tests.engine import front_emulator

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
RETRY = [{"ErrorEquals": ["ToolDown"], "IntervalSeconds": 1, "MaxAttempts": 1}]


def task(name: str, **more: object) -> dict:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": FUNCTION + name, "Payload.$": "$"},
        "OutputPath": "$.Payload",
        **more,
    }


FAN_OUT = {
    "StartAt": "Plan",
    "States": {
        "Plan": task("plan", Next="Any"),
        "Any": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.count", "NumericGreaterThan": 0, "Next": "Each"}],
            "Default": "Nothing",
        },
        "Nothing": {"Type": "Succeed"},
        "Each": {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.key"},
            },
            "MaxConcurrency": 4,
            "ResultPath": None,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                "StartAt": "Deliver",
                "States": {
                    "Deliver": task(
                        "deliver",
                        Retry=RETRY,
                        Catch=[{"ErrorEquals": ["ToolDown"], "ResultPath": "$.error", "Next": "Settle"}],
                        End=True,
                    ),
                    "Settle": task("settle", End=True),
                },
            },
            "End": True,
        },
    },
}


class Functions:
    """A Lambda endpoint of three functions, in the test's own process."""

    def __init__(self, items: list[dict]) -> None:
        self.items, self.calls = items, []
        self.app = web.Application(client_max_size=10_000_000)
        self.app.router.add_post("/2015-03-31/functions/{name}/invocations", self.serve)

    async def serve(self, request: web.Request) -> web.Response:
        name = request.match_info["name"].rpartition(":")[2]
        event = await request.json()
        self.calls.append((name, event))
        if name == "plan":
            return web.json_response({"count": len(self.items), "bucket": "work", "key": "plan.json"})
        if name == "large":
            return web.json_response("x" * 300_000)
        if name == "deliver" and event.get("down"):
            error = {"errorType": "ToolDown", "errorMessage": "no"}
            return web.json_response(error, headers={"X-Amz-Function-Error": "Unhandled"})
        return web.json_response({"delivered": event})

    def called(self, name: str) -> list[dict]:
        return [event for called, event in self.calls if called == name]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with front_emulator.emulator(tmp_path_factory.mktemp("emulator")) as url:
        emulated_client("s3", url).create_bucket(Bucket="work")
        yield url


def run(emulator: str, tmp_path: Path, definition: dict, functions: Functions, type: str = "STANDARD"):
    body = json.dumps(functions.items)
    emulated_client("s3", emulator).put_object(Bucket="work", Key="plan.json", Body=body.encode())

    async def scene():
        runner = web.AppRunner(functions.app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        machine = Machine(
            "fan-out", "arn:aws:states:us-east-1:000000000000:stateMachine:fan-out", json.dumps(definition), type
        )
        workflows = Workflows(
            {machine.arn: machine},
            EngineClock(tmp_path / "clock.json"),
            lambda_endpoint=f"http://127.0.0.1:{port}",
            aws_endpoint=emulator,
            log=tmp_path / "log",
        )
        try:
            return await workflows.run(machine.arn, {})
        finally:
            await workflows.stop()
            await runner.cleanup()

    return asyncio.run(scene())


@pytest.mark.parametrize("type", ["STANDARD", "EXPRESS"])
def test_a_distributed_map_reads_its_items_from_s3_and_catches_errors_by_name(emulator, tmp_path, type):
    functions = Functions([{"n": 1}, {"n": 2, "down": True}, {"n": 3}])
    ended = run(emulator, tmp_path, FAN_OUT, functions, type)
    assert ended.status == "SUCCEEDED"
    assert sorted(event["n"] for event in functions.called("deliver")) == [1, 2, 2, 3]
    (settled,) = functions.called("settle")
    assert settled["n"] == 2
    assert settled["error"]["Error"] == "ToolDown"
    assert ended.tasks == 6


def test_an_entry_that_fails_for_good_fails_the_map_that_tolerates_none(emulator, tmp_path):
    each = {
        **FAN_OUT["States"]["Each"],
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Deliver",
            "States": {"Deliver": task("deliver", Retry=RETRY, End=True)},
        },
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Given up"}],
    }
    states = {**FAN_OUT["States"], "Each": each, "Given up": task("settle", End=True)}
    functions = Functions([{"n": 1}, {"n": 2, "down": True}, {"n": 3}])
    ended = run(emulator, tmp_path, {**FAN_OUT, "States": states}, functions)
    assert ended.status == "SUCCEEDED"
    assert len([event for event in functions.called("deliver") if event["n"] == 2]) == 2
    (given_up,) = functions.called("settle")
    assert given_up["failure"]["Error"] == "States.ExceedToleratedFailureThreshold"


def test_a_workflow_that_finds_nothing_runs_one_task(emulator, tmp_path):
    ended = run(emulator, tmp_path, FAN_OUT, Functions([]))
    assert (ended.status, ended.tasks) == ("SUCCEEDED", 1)


def test_an_error_that_nobody_catches_fails_the_execution_by_its_name(emulator, tmp_path):
    definition = {"StartAt": "Deliver", "States": {"Deliver": task("deliver", InputPath="$.in", End=True)}}
    definition["States"]["Deliver"]["Parameters"] = {"FunctionName": FUNCTION + "deliver", "Payload": {"down": True}}
    del definition["States"]["Deliver"]["InputPath"]
    ended = run(emulator, tmp_path, definition, Functions([]))
    assert (ended.status, ended.error) == ("FAILED", "ToolDown")


def test_a_state_larger_than_256_kb_is_refused(emulator, tmp_path):
    definition = {"StartAt": "Large", "States": {"Large": task("large", End=True)}}
    ended = run(emulator, tmp_path, definition, Functions([]))
    assert (ended.status, ended.error) == ("FAILED", "States.DataLimitExceeded")


def test_a_definition_that_cannot_be_parsed_ends_the_execution(emulator, tmp_path):
    ended = run(emulator, tmp_path, {"StartAt": "Nowhere", "States": {"A": {"Type": "Unheard"}}}, Functions([]))
    assert ended.status == "FAILED"


def test_a_distributed_maps_express_children_are_read_as_standard():
    assert '"ExecutionType": "STANDARD"' in interpretable(json.dumps(FAN_OUT))
