"""Table streams: the emulator's records, copied so that no restart loses or invents any, delivered as Lambda does."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from personas.local import checkout
from personas.local.emulator import Emulator
from tests.engine import front_emulator
from tests.engine.machine import Machine, asynchronous

REPORT = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with front_emulator.emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


def dynamodb(url: str) -> Any:
    return boto3.client(
        "dynamodb", endpoint_url=url, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )


def table(url: str, name: str) -> str:
    """Make a table with a stream; its ARN."""
    made = dynamodb(url).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def put(url: str, name: str, pk: str, sk: str = "s", **attributes: Any) -> None:
    dynamodb(url).put_item(TableName=name, Item={"pk": {"S": pk}, "sk": {"S": sk}, **attributes})


def machine_on(tmp_path: Path, aws: str, arn: str, handler: str = "recording.handle", **mapping: Any) -> Machine:
    machine = Machine(tmp_path, aws_endpoint=aws).function("fn", handler)
    return machine.mapping("fn", arn, **mapping)


@asynchronous
async def test_the_event_has_lambdas_dynamodb_shape(tmp_path: Path, aws: str) -> None:
    arn = table(aws, "shapes")
    async with machine_on(tmp_path, aws, arn, "recording.keep") as machine:
        machine.clock.advance(5_000_000)
        put(aws, "shapes", "p", data={"B": b"\x00\xff"}, n={"N": "1"})
        dynamodb(aws).update_item(
            TableName="shapes",
            Key={"pk": {"S": "p"}, "sk": {"S": "s"}},
            UpdateExpression="SET n = :n",
            ExpressionAttributeValues={":n": {"N": "2"}},
        )
        dynamodb(aws).delete_item(TableName="shapes", Key={"pk": {"S": "p"}, "sk": {"S": "s"}})
        await machine.settle()
    records = [record for event in machine.seen() for record in event["Records"]]
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    key = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    one, two = ({**key, "data": {"B": "AP8="}, "n": {"N": n}} for n in "12")
    images = [(r["dynamodb"].get("OldImage"), r["dynamodb"].get("NewImage")) for r in records]
    assert images == [(None, one), (one, two), (two, None)]
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
    assert numbers == sorted(set(numbers))
    first = records[0]
    assert abs(first["dynamodb"].pop("ApproximateCreationDateTime") - time.time() - 5_000) < 60
    assert first["dynamodb"].pop("SizeBytes") > 0
    del first["dynamodb"]["SequenceNumber"], first["dynamodb"]["NewImage"], first["eventID"]
    assert first == {
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {"Keys": key, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "eventSourceARN": arn,
    }


@asynchronous
async def test_a_change_is_delivered_soon_without_being_asked_for(tmp_path: Path, aws: str) -> None:
    async with machine_on(tmp_path, aws, table(aws, "soon")) as machine:
        await machine.engine.prewarm("fn")
        put(aws, "soon", "1")
        deadline = time.monotonic() + 2
        while not machine.seen() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
    assert machine.seen() == [["1"]]


@asynchronous
async def test_a_write_is_pending_from_the_moment_it_was_answered(tmp_path: Path, aws: str) -> None:
    async with machine_on(tmp_path, aws, table(aws, "exact"), MaximumBatchingWindowInSeconds=300) as machine:
        for n in range(5):
            assert await machine.engine.pending() == []
            await asyncio.to_thread(put, aws, "exact", str(n))
            assert await machine.engine.pending()
            await machine.settle()
    assert machine.seen() == [[str(n)] for n in range(5)]


@asynchronous
async def test_filters_see_the_record_as_it_is(tmp_path: Path, aws: str) -> None:
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["merge"]}}}}
    filters = {"Filters": [{"Pattern": json.dumps(pattern)}]}
    async with machine_on(tmp_path, aws, table(aws, "filters"), FilterCriteria=filters) as machine:
        for pk, kind in (("1", "merge"), ("2", "other"), ("1", "merge"), ("3", "merge")):
            put(aws, "filters", pk, kind={"S": kind}, at={"N": str(time.time())})
        await machine.settle()
    assert [text for batch in machine.seen() for text in batch] == ["1", "3"]


@asynchronous
async def test_parallel_lanes_keep_the_order_of_each_item(tmp_path: Path, aws: str) -> None:
    arn = table(aws, "order")
    async with machine_on(tmp_path, aws, arn, "recording.keep", ParallelizationFactor=4, BatchSize=2) as machine:
        for n in range(5):
            for pk in "abcd":
                put(aws, "order", pk, n={"N": str(n)})
        await machine.settle()
    found: dict[str, list[str]] = {}
    for event in machine.seen():
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            found.setdefault(image["pk"]["S"], []).append(image["n"]["N"])
    assert found == {pk: list("01234") for pk in "abcd"}


@asynchronous
async def test_a_batch_given_up_goes_to_s3_with_its_records(tmp_path: Path, aws: str) -> None:
    arn = table(aws, "dead")
    s3 = boto3.client(
        "s3", endpoint_url=aws, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    s3.create_bucket(Bucket="dead-letters")
    target = {"OnFailure": {"Destination": "arn:aws:s3:::dead-letters"}}
    machine = machine_on(
        tmp_path, aws, arn, BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, DestinationConfig=target, **REPORT
    )
    async with machine:
        for pk in ("1", "bad", "3"):
            put(aws, "dead", pk)
        await machine.settle()
    (found,) = s3.list_objects_v2(Bucket="dead-letters")["Contents"]
    _, _, _, shard, *day, last = found["Key"].split("/")
    assert found["Key"].startswith("aws/lambda/")
    assert shard == "shardId-00000000000000000000-00000000"
    assert last.startswith("-".join(day) + "T")
    document = json.loads(s3.get_object(Bucket="dead-letters", Key=found["Key"])["Body"].read())
    (record,) = json.loads(document.pop("payload"))["Records"]
    assert record["dynamodb"]["Keys"]["pk"] == {"S": "bad"}
    assert document.pop("requestContext").pop("requestId")
    info = document["DDBStreamBatchInfo"]
    assert info["startSequenceNumber"] == info["endSequenceNumber"] == record["dynamodb"]["SequenceNumber"]
    assert (info["batchSize"], info["streamArn"], info["shardId"]) == (1, arn, shard)
    assert document["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert document["version"] == "1.0"


@asynchronous
async def test_a_batch_given_up_goes_to_sqs_as_a_pointer(tmp_path: Path, aws: str) -> None:
    arn = table(aws, "pointed")
    sqs = boto3.client(
        "sqs", endpoint_url=aws, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )
    url = sqs.create_queue(QueueName="pointers")["QueueUrl"]
    target = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:pointers"}}
    settings = {"MaximumRetryAttempts": 0, "MaximumRecordAgeInSeconds": 60, "DestinationConfig": target}
    async with machine_on(tmp_path, aws, arn, **settings) as machine:
        put(aws, "pointed", "bad")
        await machine.settle()
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    document = json.loads(message["Body"])
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["requestContext"]["approximateInvokeCount"] == 1
    assert document["DDBStreamBatchInfo"]["batchSize"] == 1
    assert "payload" not in document


def test_no_change_is_lost_or_invented_across_restarts_of_everything(tmp_path: Path) -> None:
    """Changes that were unread when all was stopped, that came while only the emulator ran, and after."""

    async def life(first: bool, texts: list[str], handler: str) -> list[str]:
        emulator = Emulator(checkout.emulator(), tmp_path / "aws", tmp_path / "aws.log")
        await emulator.start()
        try:
            if first:
                table(emulator.url, "kept")
            arn = str(dynamodb(emulator.url).describe_table(TableName="kept")["Table"]["LatestStreamArn"])
            put(emulator.url, "kept", texts[0])
            machine = machine_on(tmp_path / "engine", emulator.url, arn, handler, MaximumRetryAttempts=-1)
            async with machine:
                for text in texts[1:]:
                    await asyncio.to_thread(put, emulator.url, "kept", text)
                if handler == "recording.handle":
                    await machine.settle()
            seen = [text for batch in machine.seen() for text in batch]
            machine.seen_file.unlink(missing_ok=True)
            return seen
        finally:
            await emulator.stop()

    assert asyncio.run(life(True, ["1", "2"], "recording.handle")) == ["1", "2"]
    asyncio.run(life(False, ["3", "4"], "broken.handle"))
    assert asyncio.run(life(False, ["5", "6"], "recording.handle")) == ["3", "4", "5", "6"]
    assert asyncio.run(life(False, ["7"], "recording.handle")) == ["7"]


@asynchronous
async def test_an_engine_that_is_started_again_beside_a_running_emulator_goes_on_where_it_was(
    tmp_path: Path, aws: str
) -> None:
    arn = table(aws, "again")
    async with machine_on(tmp_path, aws, arn) as machine:
        put(aws, "again", "1")
        await machine.settle()
    put(aws, "again", "2")
    async with machine_on(tmp_path, aws, arn) as machine:
        put(aws, "again", "3")
        await machine.settle()
    assert [text for batch in machine.seen() for text in batch] == ["1", "2", "3"]


@asynchronous
async def test_items_above_four_hundred_kilobytes_are_refused(tmp_path: Path, aws: str) -> None:
    table(aws, "large")
    put(aws, "large", "1", data={"B": b"x" * (400 * 1024 - 100)})
    with pytest.raises(Exception, match="Item size has exceeded"):
        put(aws, "large", "1", data={"B": b"x" * (400 * 1024 + 1)})
