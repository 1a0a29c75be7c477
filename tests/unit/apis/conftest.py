"""The real handlers of the HTTP functions, called with API Gateway's events, over moto's tables and streams."""

import base64
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from personas import aws, barriers, clock
from personas.stores import definitions, sources
from personas.stores.definitions import Change

FUNCTIONS = Path(__file__).parents[3] / "functions"
TABLES = ("CONTROL_TABLE", "IDENTITY_TABLE", "PROFILES_TABLE", "ACTIVATION_TABLE")
STREAMS = ("EVENTS_STREAM", "PROFILES_STREAM")
NOW = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""

WORKSPACE_TOKEN = "workspace-token"


class MovableClock:
    def __init__(self) -> None:
        self.ms = NOW

    def advance(self, ms: int) -> None:
        self.ms += ms


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    movable = MovableClock()
    monkeypatch.setattr(clock, "read", lambda: movable.ms * 1_000_000)
    return movable


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, moment: MovableClock) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        _forget()
        for variable in TABLES:
            name = variable.lower()
            monkeypatch.setenv(variable, name)
            attributes = [{"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")]
            schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
            boto3.client("dynamodb").create_table(
                TableName=name, AttributeDefinitions=attributes, KeySchema=schema, BillingMode="PAY_PER_REQUEST"
            )
        for variable in STREAMS:
            monkeypatch.setenv(variable, variable.lower())
            boto3.client("kinesis").create_stream(StreamName=variable.lower(), ShardCount=1)
        secret = boto3.client("secretsmanager").create_secret(Name="workspace", SecretString=WORKSPACE_TOKEN)
        monkeypatch.setenv("WORKSPACE_TOKEN_SECRET", secret["ARN"])
        for name in ("backfill", "simulation", "preview"):
            machine = boto3.client("stepfunctions").create_state_machine(
                name=name,
                definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
                roleArn="arn:aws:iam::123456789012:role/states",
            )
            monkeypatch.setenv(f"{name.upper()}_MACHINE", machine["stateMachineArn"])
        monkeypatch.setenv("WORKSPACE_ID", "wsp_1")
        monkeypatch.setenv("WORKSPACE_PLAN", "business")
        yield
    _forget()


def _forget() -> None:
    aws.client.cache_clear()
    aws.setting.cache_clear()
    sources._by_key.clear()


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: Any


class Function:
    """One HTTP function, called as API Gateway would."""

    def __init__(self, module: ModuleType, authorization: str | None = None) -> None:
        self.module = module
        self._authorization = authorization

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        path, _, query = path.partition("?")
        if self._authorization:
            headers.setdefault("authorization", self._authorization)
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "requestContext": {"http": {"method": method, "path": path}, "requestId": "req-1"},
            **_query(query),
            **_body(body),
        }
        answer = self.module.handle(event, None)
        return Reply(answer["statusCode"], answer["headers"], json.loads(answer["body"]) if answer["body"] else None)


def _query(query: str) -> dict[str, Any]:
    from urllib.parse import parse_qsl

    found = dict(parse_qsl(query, keep_blank_values=True))
    return {"queryStringParameters": found} if found else {}


def _body(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, bytes):
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return {"body": body if isinstance(body, str) else json.dumps(body), "isBase64Encoded": False}


@pytest.fixture
def function(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Function]:
    def load(name: str, authorization: str | None = None) -> Function:
        monkeypatch.syspath_prepend(str(FUNCTIONS / name))
        spec = importlib.util.spec_from_file_location(f"{name}_handler", FUNCTIONS / name / "handler.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, f"{name}_handler", module)
        spec.loader.exec_module(module)
        return Function(module, authorization)

    return load


class Context:
    """Of an invocation that has all the time in the world."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Pipeline:
    """Hands what lies in the streams to identity and profiles, as their stream mappings do."""

    def __init__(self, function: Callable[..., Function]) -> None:
        self._stages = (("events_stream", function("identity")), ("profiles_stream", function("profiles")))
        self._read: dict[str, str] = {}

    def run(self) -> None:
        for stream, handler in self._stages:
            while records := self._records(stream):
                assert handler.module.handle({"Records": records}, Context()) == {"batchItemFailures": []}

    def _records(self, stream: str) -> list[dict[str, Any]]:
        kinesis = boto3.client("kinesis")
        place = self._read.get(stream)
        if place is None:
            shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
            place = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
        answer = kinesis.get_records(ShardIterator=place, Limit=10_000)
        self._read[stream] = answer["NextShardIterator"]
        return [
            {
                "eventSource": "aws:kinesis",
                "eventID": f"shardId-000000000000:{record['SequenceNumber']}",
                "kinesis": {
                    "partitionKey": record["PartitionKey"],
                    "sequenceNumber": record["SequenceNumber"],
                    "data": base64.b64encode(record["Data"]).decode(),
                },
            }
            for record in answer["Records"]
        ]


@pytest.fixture
def pipeline(function: Callable[..., Function], monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    for variable in ("ARCHIVE_BUCKET", "DEAD_LETTERS_BUCKET"):
        name = variable.lower().replace("_", "-")
        monkeypatch.setenv(variable, name)
        boto3.client("s3").create_bucket(Bucket=name)
    return Pipeline(function)


def bring_into_force(space: str) -> None:
    """What a backfill does in the end; of a past that there is none of."""
    version = definitions.change(
        space, lambda before, _: Change(tuple(saved.in_force() for saved in before if saved.pending))
    )
    barriers.send(space, version)


def basic(user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:".encode()).decode()


@pytest.fixture
def control(function: Callable[..., Function]) -> Function:
    return function("control_api", f"Bearer {WORKSPACE_TOKEN}")


@pytest.fixture
def space(control: Function) -> str:
    return str(made(control("POST", "/spaces", {"name": "Shop"}), "space")["id"])


def made(reply: Reply, name: str) -> Any:
    assert reply.status in (200, 202), reply.body
    return reply.body["data"][name]


def errors(reply: Reply) -> list[tuple[str, str | None]]:
    return [(error["type"], error.get("field")) for error in reply.body["errors"]]
