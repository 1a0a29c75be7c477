"""An engine over a template made for one test: some streams, some functions of tests/engine/handlers, some mappings."""

import asyncio
import functools
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config

from personas.local.engine import Engine
from personas.local.engine_clock import EngineClock
from personas.local.invocation import Invocation
from personas.local.template import Template

HANDLERS = Path(__file__).parent / "handlers"
LAYER = Path(__file__).parents[2] / "layers" / "personas"
NOWHERE = "http://127.0.0.1:4629"
KINESIS = "arn:aws:kinesis:us-east-1:000000000000:stream/"


def asynchronous(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


class Machine:
    def __init__(self, state: Path, *, aws_endpoint: str = NOWHERE, workers: int = 4) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.state, self.seen_file = state, state / "seen.jsonl"
        self._aws_endpoint, self._workers = aws_endpoint, workers
        self._resources: dict[str, Any] = {}
        self.clock = EngineClock(state / "clock.json")
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        assert self._engine is not None
        return self._engine

    def stream(self, name: str = "events", shards: int = 1) -> "Machine":
        properties = {"Name": name, "ShardCount": shards}
        self._resources[f"Stream{name}"] = {"Type": "AWS::Kinesis::Stream", "Properties": properties}
        return self

    def function(
        self,
        name: str,
        handler: str,
        *,
        environment: Mapping[str, str] | None = None,
        runtime: str = "python3.13",
        timeout: int = 10,
        layer: bool = False,
    ) -> "Machine":
        properties = {
            "FunctionName": name,
            "Runtime": runtime,
            "Handler": handler,
            "Code": {"S3Bucket": "assets", "S3Key": "handlers"},
            "Environment": {"Variables": {"SEEN": str(self.seen_file), **(environment or {})}},
            "Timeout": timeout,
            "MemorySize": 256,
        }
        if layer:
            content = {"Content": {"S3Bucket": "assets", "S3Key": "layer"}}
            self._resources["Layer"] = {"Type": "AWS::Lambda::LayerVersion", "Properties": content}
            properties["Layers"] = [{"Ref": "Layer"}]
        self._resources[f"Function{name}"] = {"Type": "AWS::Lambda::Function", "Properties": properties}
        return self

    def mapping(self, function: str, source: str = KINESIS + "events", **properties: Any) -> "Machine":
        settings = {
            "EventSourceArn": source,
            "FunctionName": function,
            "StartingPosition": "TRIM_HORIZON",
            **properties,
        }
        self._resources[f"Mapping{function}{len(source)}"] = {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {name: value for name, value in settings.items() if value is not None},
        }
        return self

    async def __aenter__(self) -> "Machine":
        template = Template({"Resources": self._resources}, "test", assets={"handlers": HANDLERS, "layer": LAYER})
        self._engine = Engine(
            template, self.clock, state=self.state, aws_endpoint=self._aws_endpoint, workers=self._workers
        )
        await self._engine.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.engine.stop()

    async def put(self, *texts: str, key: str | None = None, stream: str = "events") -> list[dict[str, Any]]:
        """Put records; each text's partition key is `key`, or what stands before its colon, or the text."""
        records = [{"Data": text.encode(), "PartitionKey": key or text.partition(":")[0]} for text in texts]
        answer = await asyncio.to_thread(self.client("kinesis").put_records, StreamName=stream, Records=records)
        assert answer["FailedRecordCount"] == 0, answer
        results: list[dict[str, Any]] = answer["Records"]
        return results

    async def settle(self, seconds: float = 20.0) -> None:
        assert await self.engine.settled(seconds) == []

    def seen(self) -> list[Any]:
        """What handlers noted, in order."""
        if not self.seen_file.exists():
            return []
        return [json.loads(line) for line in self.seen_file.read_text().splitlines()]

    async def invoke(self, name: str, event: Any = None) -> tuple[Any, Invocation]:
        """The parsed result, and the invocation."""
        invocation = await self.engine.invoke(name, json.dumps(event).encode())
        return json.loads(invocation.payload), invocation

    def client(self, service: str) -> Any:
        own = service in ("kinesis", "lambda")
        return boto3.client(
            service,
            endpoint_url=self.engine.endpoint if own else self._aws_endpoint,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )


def machine_with(tmp_path: Path, handler: str = "recording.handle", shards: int = 1, **mapping: Any) -> Machine:
    return Machine(tmp_path).stream(shards=shards).function("fn", handler).mapping("fn", **mapping)


async def until(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)
