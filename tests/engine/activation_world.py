"""A world for activation: the emulator's tables and buckets, the real handlers, `deliver` in a Node process of its own,
a tool on HTTP, and profiles whose images are fed to `changes` as the table's stream would.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3

from functions.activation import plan, settle
from functions.changes import handler as changes
from personas import aws, clock
from personas.core.activation.change import Change
from personas.core.activation.changes import diff
from personas.core.activation.payloads import calls
from personas.core.destination import Destination
from personas.core.profile.profile import Computed, Profile
from personas.core.workspace import Space
from personas.stores import destinations, profiles, spaces

ROOT = Path(__file__).parents[2]
START = 1_767_225_600_000
TABLES = ("CONTROL_TABLE", "ACTIVATION_TABLE", "PROFILES_TABLE")
BUCKETS = ("WORK_BUCKET", "DEAD_LETTERS_BUCKET")
NODE_LOOP = """
const { handler } = require(process.argv[1]);
require("node:readline").createInterface({ input: process.stdin }).on("line", async (line) => {
  let out;
  try { out = { value: await handler(JSON.parse(line), {}) }; } catch (error) { out = { error: String(error.stack) }; }
  process.stdout.write(JSON.stringify(out) + "\\n");
});
"""


class Died(Exception):
    """The worker is gone, right after a write."""


@contextmanager
def emulator() -> Iterator[str]:
    executable = os.environ.get("PERSONAS_EMULATOR") or str(ROOT / ".venv-emulator" / "bin" / "ministack")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "PERSIST_STATE": "0"}
    process = subprocess.Popen([executable], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/_ministack/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def configure(url: str, run: str) -> None:
    """Environment and resources of one test: names of its own keep tests apart."""
    os.environ.update(
        AWS_ENDPOINT_URL=url, AWS_DEFAULT_REGION="us-east-1", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test"
    )
    aws.client.cache_clear()
    aws.setting.cache_clear()
    for name in (*TABLES, *BUCKETS):
        os.environ[name] = f"{name.lower().replace('_', '-')}-{run}"
    attributes = [{"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")]
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    for name in TABLES:
        boto3.client("dynamodb").create_table(
            TableName=os.environ[name], AttributeDefinitions=attributes, KeySchema=schema, BillingMode="PAY_PER_REQUEST"
        )
    for name in BUCKETS:
        boto3.client("s3").create_bucket(Bucket=os.environ[name])


class Tool:
    """Answers as `respond(call)` says: (status, headers); remembers the calls to which it said 200."""

    def __init__(self) -> None:
        self.respond: Callable[[dict[str, Any]], tuple[int, dict[str, str]]] = lambda call: (200, {})
        self.accepted: list[dict[str, Any]] = []
        tool = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                call = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, headers = tool.respond(call)
                if status == 200:
                    tool.accepted.append(call)
                self.send_response(status)
                for name, value in {"content-length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"


class Deliver:
    """The function in a process of its own, warm, one invocation at a time."""

    def __init__(self) -> None:
        environment = {**os.environ, "PRIVATE_DESTINATIONS": "127.0.0.1", "AWS_REGION": "us-east-1"}
        command = ["node", "-e", NODE_LOOP, str(ROOT / "functions" / "deliver")]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"key": event["key"]}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@dataclass
class World:
    tool: Tool
    deliver: Deliver
    space: Space = field(default_factory=lambda: Space("spa_1", "shop", "Shop", START))
    now: int = START
    profiles: dict[str, Profile] = field(default_factory=dict)
    stream: list[dict[str, Any]] = field(default_factory=list)
    told: list[Change] = field(default_factory=list)
    """Every change that there ever was, by the plain comparison of two images."""
    lives: int | None = None
    """Writes until the worker dies; None: it lives."""

    def __post_init__(self) -> None:
        clock.read = lambda: self.now * 1_000_000
        spaces.create(self.space)
        subscription = {
            "partnerAction": "send",
            "trigger": 'type = "identify" or type = "track"',
            "mapping": {"url": self.tool.url},
        }
        destinations.save(Destination("des_1", self.space.id, "Tool", "actions-webhook", subscriptions=(subscription,)))
        for service in ("dynamodb", "s3"):
            aws.client(service).meta.events.register(f"after-call.{service}", self._count_down)

    def _count_down(self, model: Any, **_: Any) -> None:
        if self.lives is None or not model.name.startswith(("Put", "Update", "Delete", "Batch", "Transact")):
            return
        if model.name == "BatchGetItem":
            return
        self.lives -= 1
        if self.lives < 0:
            raise Died

    def write(
        self, profile_id: str, identifiers: dict[str, tuple[str, ...]], into: str | None = None, **values: Any
    ) -> None:
        """One write of the profile item: its images go to the stream."""
        old = self.profiles.get(profile_id)
        computed: dict[str, Computed] = {}
        for key, value in values.items():
            before = old.computed.get(key) if old else None
            if value is False and before is None:
                continue
            since = before.since if before and before.value is value else self.now
            kind = "audience" if isinstance(value, bool) else "computed_trait"
            computed[key] = Computed(key, f"id_{key}", kind, 1, value, since)
        version = old.v + 1 if old else 1
        new = Profile(
            self.space.id, profile_id, v=version, computed=computed, identifiers=identifiers, merged_into=into
        )
        self.profiles[profile_id] = new
        if not into:
            self.told += diff(old, new)
        images = {"Keys": {"sk": {"S": "profile"}}, "NewImage": _image(new)}
        if old:
            images["OldImage"] = _image(old)
        self.stream.append({"dynamodb": images})

    def feed(self, records: list[dict[str, Any]]) -> None:
        changes.handle({"Records": records}, None)

    def drain(self) -> None:
        if self.stream:
            self.feed(self.stream)
        self.stream = []

    def activate(self) -> list[dict[str, Any]]:
        """One run of the workflow."""
        planned = plan.handle({}, None)
        assert planned["count"] == len(planned["batches"])
        return [self.branch(batch) for batch in planned["batches"]]

    def branch(self, batch: dict[str, Any]) -> dict[str, Any]:
        return settle.handle(self.deliver(batch), None)

    def run_dry(self, step: int = 60_000, until: int = 80 * 3_600_000) -> None:
        """Runs the workflow each minute, later each hour, until nothing is left to do."""
        end = self.now + until
        while self.now < end:
            planned = plan.handle({}, None)
            for batch in planned["batches"]:
                self.branch(batch)
            if not planned["count"] and not agenda_left(self.space.id):
                return
            self.now += step
        raise AssertionError("something is left on the agenda")

    def true_calls(self) -> dict[str, Change]:
        """By message id, the change of every call that was true at some time, to whomever it is told."""
        told = [*(replace(change, only=None) for change in self.told), *self.told]
        return {call["messageId"]: change for change in told for call in calls(change, self.space.slug)}


def agenda_left(space: str) -> list[dict[str, Any]]:
    answer = boto3.client("dynamodb").query(
        TableName=os.environ["ACTIVATION_TABLE"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"{space}#agenda"}},
    )
    return list(answer["Items"])


def _image(profile: Profile) -> dict[str, Any]:
    return profiles.profile_item(profile)
