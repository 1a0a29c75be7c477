"""Worker processes: what a handler finds around it, and what its failures look like from outside."""

import asyncio
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from personas.core.errors import NotFound, TooLarge
from tests.engine.machine import LAYER, Machine, asynchronous


@asynchronous
async def test_a_handler_gets_the_event_and_its_result_comes_back(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("echo", "plain.echo") as machine:
        for event in ({"a": [1, None, "ü\u2028"]}, None, "text", 5.5):
            result, invocation = await machine.invoke("echo", event)
            assert result == event
            assert invocation.error is None


@asynchronous
async def test_a_worker_sees_its_functions_environment_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINE_SECRET", "not for handlers")
    machine = Machine(tmp_path).function("one", "plain.world", environment={"MINE": "1"})
    async with machine.function("two", "plain.world", environment={"OTHER": "2"}):
        one, _ = await machine.invoke("one")
        two, _ = await machine.invoke("two")
    assert one["environment"]["MINE"] == "1"
    assert "OTHER" not in one["environment"]
    assert "MINE" not in two["environment"]
    assert "ENGINE_SECRET" not in one["environment"] | two["environment"]
    assert one["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "one"
    assert one["environment"]["AWS_ENDPOINT_URL_KINESIS"] == machine.engine.endpoint
    assert one["calls"] == two["calls"] == 1


@asynchronous
async def test_a_worker_stays_warm_and_its_globals_live(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("world", "plain.world") as machine:
        first, _ = await machine.invoke("world")
        second, _ = await machine.invoke("world")
    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] == second["pid"]
    assert first["request_id"] != second["request_id"]


@asynchronous
async def test_the_context_says_what_lambdas_says(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("world", "plain.world", timeout=9) as machine:
        world, _ = await machine.invoke("world")
    assert world["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:world"
    assert (world["name"], world["memory"]) == ("world", "256")
    assert 8_000 < world["remaining"] <= 9_000


@asynchronous
async def test_workers_grow_on_demand_up_to_the_cap(tmp_path: Path) -> None:
    async with Machine(tmp_path, workers=2).function("sleeps", "plain.sleeps") as machine:
        await asyncio.gather(*(machine.invoke("sleeps", {"seconds": 0}) for _ in range(2)))
        started = time.monotonic()
        await asyncio.gather(*(machine.invoke("sleeps", {"seconds": 0.3}) for _ in range(4)))
        assert 0.6 <= time.monotonic() - started < 1.1


@asynchronous
async def test_an_exception_becomes_a_function_error(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("raises", "plain.raises") as machine:
        result, invocation = await machine.invoke("raises")
    assert invocation.error == "Unhandled"
    assert (result["errorType"], result["errorMessage"]) == ("LookupError", "nothing there")
    assert "plain.py" in result["stackTrace"][0]


@asynchronous
async def test_a_timeout_kills_the_worker_and_the_next_invocation_gets_a_new_one(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("sleeps", "plain.sleeps", timeout=1) as machine:
        result, invocation = await machine.invoke("sleeps", {"seconds": 5})
        assert invocation.timed_out
        assert invocation.error == "Unhandled"
        assert "Task timed out after 1.00 seconds" in result["errorMessage"]
        assert (await machine.invoke("sleeps", {"seconds": 0}))[0] == "awake"


@asynchronous
async def test_a_crash_is_an_exit_error_and_the_next_invocation_gets_a_new_worker(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("dies", "plain.dies") as machine:
        for _ in range(2):
            result, invocation = await machine.invoke("dies")
            assert invocation.error == "Unhandled"
            assert result["errorType"] == "Runtime.ExitError"
            assert result["errorMessage"].endswith("Runtime exited with error: exit status 7")


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("missing.handle", "Runtime.ImportModuleError"),
        ("plain.missing", "Runtime.HandlerNotFound"),
        ("broken.handle", "RuntimeError"),
    ],
)
def test_a_handler_that_cannot_be_loaded_says_so(tmp_path: Path, handler: str, kind: str) -> None:
    @asynchronous
    async def scenario() -> None:
        async with Machine(tmp_path).function("unloadable", handler) as machine:
            result, invocation = await machine.invoke("unloadable")
            assert (invocation.error, result["errorType"]) == ("Unhandled", kind)

    scenario()


@asynchronous
async def test_what_a_handler_prints_goes_to_its_log_only(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("prints", "plain.prints") as machine:
        result, _ = await machine.invoke("prints")
        assert result == 1
        log = (tmp_path / "logs" / "prints.log").read_text()
    assert "printed by the handler" in log
    assert "written by the handler" in log


@asynchronous
async def test_payloads_end_at_six_megabytes_both_ways(tmp_path: Path) -> None:
    machine = Machine(tmp_path).function("echo", "plain.echo").function("huge", "plain.huge")
    async with machine:
        large = "x" * (6 * 1024 * 1024 - 2)
        assert (await machine.invoke("echo", large))[0] == large
        with pytest.raises(TooLarge):
            await machine.invoke("echo", large + "x")
        result, invocation = await machine.invoke("huge")
        assert (invocation.error, result["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


@asynchronous
async def test_a_result_that_is_not_json_is_a_marshal_error(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("unspeakable", "plain.unspeakable") as machine:
        result, invocation = await machine.invoke("unspeakable")
    assert (invocation.error, result["errorType"]) == ("Unhandled", "Runtime.MarshalError")


@asynchronous
async def test_a_function_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("echo", "plain.echo") as machine:
        with pytest.raises(NotFound):
            await machine.invoke("nobody")


@asynchronous
async def test_the_clock_moves_in_workers_that_are_warm_already(tmp_path: Path) -> None:
    assert (LAYER / "python" / "personas" / "clock.py").exists()
    async with Machine(tmp_path).function("clock", "plain.clock", layer=True) as machine:
        assert abs((await machine.invoke("clock"))[0]["moved_ms"]) < 100
        machine.clock.advance(86_400_000)
        assert abs((await machine.invoke("clock"))[0]["moved_ms"] - 86_400_000) < 100


@asynchronous
async def test_a_node_handler_runs_with_a_moved_clock_of_its_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path).function("node", "common_js.world", runtime="nodejs22.x")
    machine.clock.advance(3_600_000)
    async with machine:
        first, invocation = await machine.invoke("node", {"a": "ü"})
        second, _ = await machine.invoke("node")
    assert invocation.error is None
    assert first["event"] == {"a": "ü"}
    assert (first["calls"], second["calls"]) == (1, 2)
    for moment in (first["now"], first["constructed"]):
        assert abs(moment - time.time() * 1_000 - 3_600_000) < 1_000
    assert first["fixed"] == "1970-01-01T00:00:00.000Z"
    assert first["isDate"]
    assert (first["name"], first["arn"][-5:]) == ("node", ":node")


@asynchronous
async def test_a_node_handlers_errors_and_callbacks_are_lambdas(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for name, handler in (("raises", "common_js.raises"), ("back", "common_js.callback"), ("dies", "common_js.dies")):
        machine.function(name, handler, runtime="nodejs22.x")
    async with machine.function("module", "module.handler", runtime="nodejs22.x"):
        result, invocation = await machine.invoke("raises")
        assert invocation.error == "Unhandled"
        assert (result["errorType"], result["errorMessage"]) == ("TypeError", "nothing there")
        assert result["trace"][0] == "TypeError: nothing there"
        assert (await machine.invoke("back", {"back": 1}))[0] == {"called": 1}
        assert (await machine.invoke("module", {"n": 21}))[0] == {"doubled": 42}
        assert (await machine.invoke("dies"))[0]["errorType"] == "Runtime.ExitError"


@asynchronous
async def test_boto3_invokes_functions_over_http(tmp_path: Path) -> None:
    machine = Machine(tmp_path).function("echo", "plain.echo").function("raises", "plain.raises")
    async with machine:
        client = machine.client("lambda")
        answer = await asyncio.to_thread(client.invoke, FunctionName="echo", Payload=b'{"a": 1}')
        assert (answer["StatusCode"], answer["Payload"].read()) == (200, b'{"a":1}')
        assert "FunctionError" not in answer
        arn = "arn:aws:lambda:us-east-1:000000000000:function:raises"
        assert (await asyncio.to_thread(client.invoke, FunctionName=arn))["FunctionError"] == "Unhandled"
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            await asyncio.to_thread(client.invoke, FunctionName="nobody")


@asynchronous
async def test_an_event_invocation_is_tried_three_times_and_pending_until_then(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("raises", "plain.raises") as machine:
        call = machine.client("lambda").invoke
        answer = await asyncio.to_thread(call, FunctionName="raises", InvocationType="Event", Payload=b"{}")
        assert answer["StatusCode"] == 202
        assert await machine.engine.pending()
        await machine.settle()
        assert machine.engine.invocations["raises"] == 3


@asynchronous
async def test_a_warm_invocation_costs_at_most_three_milliseconds(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("echo", "plain.echo") as machine:
        await machine.engine.prewarm("echo")
        fastest = float("inf")
        for _ in range(50):
            started = time.perf_counter()
            await machine.engine.invoke("echo", b"{}")
            fastest = min(fastest, time.perf_counter() - started)
    assert fastest < 0.003
