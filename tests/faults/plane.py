"""The API plane of the real pipeline in one process: DynamoDB and S3 of the emulator, Kinesis answered at the wire.

Calls are boto3's own. Before a request is sent, Kinesis is answered here (with refusals, when asked for); after a write
was answered, the caller may die: between any two writes of any function, as a worker does.
"""

import base64
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import requests
from botocore.awsrequest import AWSResponse

from personas import aws, clock
from tests.engine.front_emulator import emulator

TABLES = ("CONTROL_TABLE", "IDENTITY_TABLE", "PROFILES_TABLE", "ACTIVATION_TABLE")
STREAMED = ("IDENTITY_TABLE", "PROFILES_TABLE")
STREAMS = ("EVENTS_STREAM", "PROFILES_STREAM")
BUCKETS = ("ARCHIVE_BUCKET", "WORK_BUCKET", "DEAD_LETTERS_BUCKET")
WRITES = {
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
    "PutRecords",
    "PutObject",
}
SHARDS = 2
_HASH_KEYS = 1 << 128


class Died(BaseException):
    """The worker is gone, right after a write: no handler can catch it."""


@dataclass
class Plane:
    url: str
    ms: int = 1_767_225_600_000
    lives: int | None = None
    """Writes until the worker dies; None: it lives."""
    refuse: Callable[[], bool] = lambda: False
    """Whether Kinesis refuses the next entry."""
    shards: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    """Stream and shard → records, as Lambda is handed them."""
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Table → what its change stream has said, as Lambda is handed it."""
    _sequence: int = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898
    _iterators: dict[str, str] = field(default_factory=dict)
    _ids: int = 0

    def begin(self) -> None:
        """Forget the streams of the history before."""
        self.follow()
        self.shards = {(stream.lower(), shard): [] for stream in STREAMS for shard in range(SHARDS)}
        self.tables = {table.lower(): [] for table in STREAMED}
        self.lives = None
        self._ids = 0

    def new_id(self, _size: int = 16) -> str:
        """Ids that a replay of the history repeats, so that hypothesis can shrink it."""
        self._ids += 1
        return f"{self._ids:022d}"

    # Kinesis

    def put_records(self, request: dict[str, Any]) -> dict[str, Any]:
        results = [self._put_record(request["StreamName"], entry) for entry in request["Records"]]
        return {"FailedRecordCount": sum("ErrorCode" in result for result in results), "Records": results}

    def _put_record(self, stream: str, entry: dict[str, Any]) -> dict[str, Any]:
        if self.refuse():
            return {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        self._sequence += 1
        hashed = int(md5(entry["PartitionKey"].encode()).hexdigest(), 16)
        place = int(entry.get("ExplicitHashKey", hashed))
        shard = place * SHARDS // _HASH_KEYS
        record = {
            "sequenceNumber": str(self._sequence),
            "partitionKey": entry["PartitionKey"],
            "data": entry["Data"],
            "approximateArrivalTimestamp": self.ms / 1_000,
        }
        self.shards[stream, shard].append({"kinesis": record, "eventSource": "aws:kinesis"})
        return {"SequenceNumber": record["sequenceNumber"], "ShardId": f"shardId-{shard:012d}"}

    # DynamoDB's change streams

    def follow(self) -> None:
        """Copy what the tables' streams say since the last time."""
        for table, iterator in self._iterators.items():
            answer = self._streams("GetRecords", ShardIterator=iterator)
            self.tables.setdefault(table, []).extend(answer["Records"])
            self._iterators[table] = answer["NextShardIterator"]

    def open_streams(self) -> None:
        for table in STREAMED:
            described = boto3.client("dynamodb").describe_table(TableName=table.lower())["Table"]
            arn = described["LatestStreamArn"]
            (shard,) = self._streams("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
            found = self._streams(
                "GetShardIterator", StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )
            self._iterators[table.lower()] = found["ShardIterator"]

    def _streams(self, action: str, **request: Any) -> dict[str, Any]:
        headers = {
            "X-Amz-Target": f"DynamoDBStreams_20120810.{action}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request",
        }
        answer = requests.post(self.url, data=json.dumps(request), headers=headers, timeout=20)
        assert answer.ok, f"{action}: {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    # botocore's events

    def before_send(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        if not event_name.endswith("kinesis.PutRecords"):
            return None
        body = request.body
        answer = self.put_records(json.loads(body if isinstance(body, str) else bytes(body)))
        return _Answered(json.dumps(answer).encode())

    def after_call(self, event_name: str, **_: Any) -> None:
        if self.lives is None or event_name.rsplit(".", 1)[1] not in WRITES:
            return
        self.lives -= 1
        if self.lives <= 0:
            raise Died


class _Answered(AWSResponse):
    def __init__(self, body: bytes) -> None:
        super().__init__("http://kinesis", 200, {"content-type": "application/x-amz-json-1.1"}, None)
        self._content = body


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@contextmanager
def running_plane(home: Path) -> Iterator[Plane]:
    """With every client and setting of this process pointing at it."""
    kept = dict(os.environ)
    with emulator(home) as url:
        plane = Plane(url)
        os.environ.update(
            {name: name.lower() for name in (*TABLES, *STREAMS)},
            **{name: name.lower().replace("_", "-") for name in BUCKETS},
            AWS_ENDPOINT_URL=url,
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
        )
        boto3.setup_default_session()
        boto3.DEFAULT_SESSION.events.register("before-send.*.*", plane.before_send)
        boto3.DEFAULT_SESSION.events.register("after-call.*.*", plane.after_call)
        aws.client.cache_clear()
        aws.setting.cache_clear()
        _make_resources()
        plane.open_streams()
        try:
            with (
                patch.object(clock, "read", lambda: plane.ms * 1_000_000),
                patch.object(secrets, "token_urlsafe", plane.new_id),
            ):
                yield plane
        finally:
            os.environ.clear()
            os.environ.update(kept)
            boto3.setup_default_session()
            aws.client.cache_clear()
            aws.setting.cache_clear()


def _make_resources() -> None:
    attributes = [{"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")]
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    for table in TABLES:
        streamed: dict[str, Any] = {}
        if table in STREAMED:
            streamed["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        boto3.client("dynamodb").create_table(
            TableName=table.lower(),
            AttributeDefinitions=attributes,
            KeySchema=schema,
            BillingMode="PAY_PER_REQUEST",
            **streamed,
        )
    for bucket in BUCKETS:
        boto3.client("s3").create_bucket(Bucket=bucket.lower().replace("_", "-"))
