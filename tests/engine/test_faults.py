"""Faults on purpose, through the engine: no handler knows of them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from personas.core.errors import InvalidInput, NotFound
from tests.engine import front_emulator
from tests.engine.machine import Machine, asynchronous


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with front_emulator.emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def items(aws: str) -> Iterator[Any]:
    """What the table `written` holds."""
    client = boto3.client(
        "dynamodb", endpoint_url=aws, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    client.create_table(
        TableName="written",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield lambda: {item["pk"]["S"] for item in client.scan(TableName="written")["Items"]}
    client.delete_table(TableName="written")


@pytest.mark.parametrize(
    ("die", "written"),
    [
        ({"beforeWrite": 1}, set()),
        ({"afterWrite": 1}, {"one"}),
        ({"beforeWrite": 3}, {"one", "two"}),
        ({"afterWrite": 3}, {"one", "two", "three"}),
    ],
)
def test_a_worker_dies_at_the_write_it_is_told_to_and_once_only(
    tmp_path: Path, aws: str, items: Any, die: dict[str, int], written: set[str]
) -> None:
    @asynchronous
    async def scenario() -> None:
        async with Machine(tmp_path, aws_endpoint=aws).function("fn", "writing.three") as machine:
            await machine.invoke("fn")
            for name in items():
                machine.client("dynamodb").delete_item(TableName="written", Key={"pk": {"S": name}})
            machine.engine.faults.update({"fn": {"die": die}})
            result, _ = await machine.invoke("fn")
            assert result["errorType"] == "Runtime.ExitError"
            assert items() == written
            assert machine.engine.faults.to_data()["fn"]["die"] == {"times": 0, "fired": 1, **die}
            assert (await machine.invoke("fn"))[0] == "done"

    scenario()


@asynchronous
async def test_a_death_after_more_writes_than_there_are_does_not_happen(tmp_path: Path, aws: str, items: Any) -> None:
    async with Machine(tmp_path, aws_endpoint=aws).function("fn", "writing.three") as machine:
        machine.engine.faults.update({"fn": {"die": {"afterWrite": 4}}})
        assert (await machine.invoke("fn"))[0] == "done"
        assert machine.engine.faults.to_data()["fn"]["die"]["fired"] == 0


@asynchronous
async def test_transactions_are_cancelled_by_a_conflict_as_often_as_told(tmp_path: Path, aws: str, items: Any) -> None:
    async with Machine(tmp_path, aws_endpoint=aws).function("fn", "writing.transaction") as machine:
        machine.engine.faults.update({"fn": {"transactions": {"times": 2}}})
        for _ in range(2):
            result, _ = await machine.invoke("fn")
            assert result["code"] == "TransactionCanceledException"
            assert [reason["Code"] for reason in result["reasons"]] == ["TransactionConflict", "None"]
        assert items() == set()
        assert (await machine.invoke("fn"))[0] == {"code": None}
        assert machine.engine.faults.to_data()["fn"]["transactions"] == {"times": 0, "fired": 2}


@asynchronous
async def test_put_records_entries_are_refused_for_the_function_that_is_named_only(tmp_path: Path) -> None:
    machine = Machine(tmp_path).stream().function("one", "writing.puts").function("two", "writing.puts")
    async with machine:
        machine.engine.faults.update({"one": {"putRecords": {"entries": [1, 3]}}})
        assert (await machine.invoke("two", {"count": 5}))[0] == []
        assert (await machine.invoke("one", {"count": 5}))[0] == [1, 3]
        assert (await machine.invoke("one", {"count": 5}))[0] == []
        machine.engine.faults.update({"one": {"putRecords": {"share": 0.5}}})
        refused = [len((await machine.invoke("one", {"count": 50}))[0]) for _ in range(4)]
        assert 50 < sum(refused) < 150
        machine.engine.faults.clear()
        assert (await machine.invoke("one", {"count": 50}))[0] == []


@asynchronous
async def test_a_batch_that_succeeded_is_delivered_again(tmp_path: Path) -> None:
    async with Machine(tmp_path).stream().function("fn", "recording.handle").mapping("fn") as machine:
        machine.engine.faults.update({"fn": {"redeliver": {"times": 2}}})
        for text in ("1", "2", "3"):
            await machine.put(text)
            await machine.settle()
    assert machine.seen() == [["1"], ["1"], ["2"], ["2"], ["3"]]


@pytest.mark.parametrize(
    ("when", "seen"), [("after", [["1", "2"], ["1"], ["2"]]), ("before", [["1"], ["2"]])], ids=["after", "before"]
)
def test_a_batch_fails_as_a_whole_and_is_bisected(tmp_path: Path, when: str, seen: list[list[str]]) -> None:
    @asynchronous
    async def scenario() -> None:
        machine = Machine(tmp_path).stream().function("fn", "recording.handle")
        async with machine.mapping("fn", BisectBatchOnFunctionError=True, MaximumRetryAttempts=0):
            machine.engine.faults.update({"fn": {"fail": {"when": when}}})
            await machine.put("1", "2")
            await machine.settle()
        assert machine.seen() == seen

    scenario()


@asynchronous
async def test_a_throttled_function_keeps_its_batches_waiting_and_they_use_up_no_retry(tmp_path: Path) -> None:
    machine = Machine(tmp_path).stream().function("fn", "recording.handle")
    async with machine.mapping("fn", BisectBatchOnFunctionError=True, MaximumRetryAttempts=0):
        faults = machine.engine.faults
        faults.update({"fn": {"fail": {"when": "before"}, "throttle": {}}})
        await machine.put("1", "2")
        while faults.to_data()["fn"]["throttle"]["fired"] < 3:
            await asyncio.sleep(0.01)
        assert faults.to_data()["fn"]["fail"]["fired"] == 1
        assert machine.seen() == []
    async with machine:
        await machine.settle()
        assert machine.engine.status()["mappings"][0]["discarded"] == 0
    assert machine.seen() == [["1", "2"]]


@asynchronous
async def test_a_poisoned_function_raises_for_the_text_until_it_is_cleared(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("fn", "writing.judge") as machine:
        machine.engine.faults.update({"fn": {"poison": {"at": "judgement:Judge.of", "text": "evil"}}})
        assert (await machine.invoke("fn", ["good"]))[0] == ["good is fine"]
        result, invocation = await machine.invoke("fn", ["good", "evil"])
        assert invocation.error == "Unhandled"
        assert result["errorMessage"] == "poisoned: judgement:Judge.of was called with evil"
        assert machine.engine.faults.to_data()["fn"]["poison"]["fired"] == 1
        machine.engine.faults.update({"fn": None})
        assert (await machine.invoke("fn", ["evil"]))[0] == ["evil is fine"]


@asynchronous
async def test_a_dying_handlers_records_come_again_until_they_are_worked_off(
    tmp_path: Path, aws: str, items: Any
) -> None:
    machine = Machine(tmp_path, aws_endpoint=aws).stream().function("fn", "writing.handle")
    async with machine.mapping("fn", BisectBatchOnFunctionError=True, MaximumRetryAttempts=10):
        machine.engine.faults.update({"fn": {"die": {"afterWrite": 2, "times": 1}}})
        await machine.put("a", "b", "c", "d")
        await machine.settle()
    assert items() == {"a", "b", "c", "d"}
    assert machine.seen() == [["a", "b"], ["c", "d"]]


@asynchronous
async def test_faults_that_make_no_sense_are_refused_and_change_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path).function("fn", "plain.echo").function("node", "module.handler", runtime="nodejs22.x")
    async with machine:
        faults = machine.engine.faults
        faults.update({"fn": {"redeliver": {}}})
        before = faults.to_data()
        for data in (
            {"fn": {"explode": {}}},
            {"fn": {"die": {}}},
            {"fn": {"die": {"beforeWrite": 1, "afterWrite": 1}}},
            {"fn": {"putRecords": {"share": 2}}},
            {"fn": {"poison": {"at": "no place", "text": "x"}}},
            {"fn": None, "node": {"die": {"beforeWrite": 1}}},
        ):
            with pytest.raises(InvalidInput):
                faults.update(data)
        with pytest.raises(NotFound):
            faults.update({"nobody": None})
        assert faults.to_data() == before
        await asyncio.sleep(0)
