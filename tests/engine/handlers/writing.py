"""Handlers that write to AWS, for the tests of faults."""

import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from recording import _note, _text


def handle(event, context):
    """Puts an item for each record, under the table's own name for it, then a note."""
    for record in event["Records"]:
        _client("dynamodb").put_item(TableName="written", Item={"pk": {"S": _text(record)}})
    _note([_text(record) for record in event["Records"]])


def three(event, context):
    """Three writes, of which the second may fail on its own."""
    for name in ("one", "two", "three"):
        _client("dynamodb").put_item(TableName="written", Item={"pk": {"S": name}})
    return "done"


def transaction(event, context):
    item = {"Put": {"TableName": "written", "Item": {"pk": {"S": "transacted"}}}}
    other = {"Put": {"TableName": "written", "Item": {"pk": {"S": "beside it"}}}}
    try:
        _client("dynamodb").transact_write_items(TransactItems=[item, other])
    except ClientError as error:
        return {"code": error.response["Error"]["Code"], "reasons": error.response["CancellationReasons"]}
    return {"code": None}


def puts(event, context):
    records = [{"Data": str(n).encode(), "PartitionKey": str(n)} for n in range(event["count"])]
    answer = _client("kinesis").put_records(StreamName="events", Records=records)
    return [place for place, result in enumerate(answer["Records"]) if "ErrorCode" in result]


def judge(event, context):
    """Judges each text with a function that a test may poison."""
    import judgement

    return [judgement.Judge().of(text) for text in event]


_clients = {}


def _client(service):
    if service not in _clients:
        _clients[service] = boto3.client(service, config=Config(retries={"total_max_attempts": 2}))
    return _clients[service]


assert "AWS_ENDPOINT_URL" in os.environ
