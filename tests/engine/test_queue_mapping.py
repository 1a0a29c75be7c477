"""Event source mappings of SQS queues."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.engine import front_emulator
from tests.engine.machine import Machine, asynchronous

ARN = "arn:aws:sqs:us-east-1:000000000000:"
REPORT = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with front_emulator.emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


def sqs(url: str) -> Any:
    return boto3.client(
        "sqs", endpoint_url=url, region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local"
    )


def queue(url: str, name: str, **attributes: str) -> str:
    return str(sqs(url).create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1", **attributes})["QueueUrl"])


def machine_on(tmp_path: Path, aws: str, name: str, handler: str = "recording.handle", **mapping: Any) -> Machine:
    machine = Machine(tmp_path, aws_endpoint=aws).function("fn", handler)
    return machine.mapping("fn", ARN + name, StartingPosition=None, **mapping)


@asynchronous
async def test_messages_are_delivered_in_lambdas_shape_and_deleted(tmp_path: Path, aws: str) -> None:
    url = queue(aws, "shapes")
    async with machine_on(tmp_path, aws, "shapes", "recording.keep") as machine:
        attribute = {"colour": {"DataType": "String", "StringValue": "red"}}
        sent = sqs(aws).send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attribute)
        assert await machine.engine.pending()
        await machine.settle()
    (event,) = machine.seen()
    (record,) = event["Records"]
    assert record.pop("receiptHandle")
    assert record.pop("attributes")["ApproximateReceiveCount"] == "1"
    assert record == {
        "messageId": sent["MessageId"],
        "body": "hello",
        "messageAttributes": {
            "colour": {"stringValue": "red", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN + "shapes",
        "awsRegion": "us-east-1",
    }


@asynchronous
async def test_only_the_messages_reported_as_failed_come_again(tmp_path: Path, aws: str) -> None:
    url = queue(aws, "partial")
    for body in ("1", "bad", "3"):
        sqs(aws).send_message(QueueUrl=url, MessageBody=body)
    async with machine_on(tmp_path, aws, "partial", "recording.report", **REPORT) as machine:
        assert await machine.engine.settled(1.8) != []
    assert sorted(text for batch in machine.seen()[1:] for text in batch) in (["bad"], ["bad", "bad"])


@asynchronous
async def test_the_queues_redrive_policy_takes_what_keeps_failing(tmp_path: Path, aws: str) -> None:
    dead = queue(aws, "given-up")
    policy = {"deadLetterTargetArn": ARN + "given-up", "maxReceiveCount": "2"}
    url = queue(aws, "redriven", RedrivePolicy=json.dumps(policy))
    sqs(aws).send_message(QueueUrl=url, MessageBody="bad")
    async with machine_on(tmp_path, aws, "redriven") as machine:
        await machine.settle(10)
    assert machine.seen() == [["bad"]] * 2
    assert sqs(aws).receive_message(QueueUrl=dead)["Messages"][0]["Body"] == "bad"


@asynchronous
async def test_messages_that_the_filter_does_not_want_are_deleted_unseen(tmp_path: Path, aws: str) -> None:
    url = queue(aws, "filtered")
    wanted = json.dumps({"kind": "wanted"})
    for body in ("text", json.dumps({"kind": "other"}), wanted):
        sqs(aws).send_message(QueueUrl=url, MessageBody=body)
    filters = {"Filters": [{"Pattern": json.dumps({"body": {"kind": ["wanted"]}})}]}
    async with machine_on(tmp_path, aws, "filtered", FilterCriteria=filters) as machine:
        await machine.settle()
    assert machine.seen() == [[wanted]]
