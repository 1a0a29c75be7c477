"""The same story on a real DynamoDB and S3 API: what the plane in memory lets pass is seen here.

Deaths come between calls here, not within a batch.
"""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.config import Config

from personas.core.compute.splitting import LIMITS, Limits
from personas.local import checkout
from tests.unit.profile.plane import SETTINGS, TABLES, Clock, Plane, installed
from tests.unit.profile.test_deaths import ALIVE, SHEDDING, picture, story
from tests.unit.profile.world import START, World

PATIENCE_S = 60
WRITES = {"batch_write_item", "put_item", "update_item", "transact_write_items", "put_object"}
runs = count(1)


class RemotePlane(Plane):
    """DynamoDB and S3 are the emulator's; Kinesis stays in memory, to be delivered by the test."""

    def __init__(self, url: str) -> None:
        super().__init__()
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
        config = Config(parameter_validation=True)
        self._real = {name: boto3.client(name, endpoint_url=url, config=config, **keys) for name in ("dynamodb", "s3")}

    def __getattribute__(self, name: str) -> Any:
        real = object.__getattribute__(self, "__dict__").get("_real", {})
        for service, methods in SERVED.items():
            if service in real and name in methods:
                return lambda **request: self._call(real[service], name, request)
        return super().__getattribute__(name)

    def _call(self, service: Any, name: str, request: dict[str, Any]) -> Any:
        if name in WRITES:
            self._write()
        return getattr(service, name)(**request)


SERVED = {
    "dynamodb": {
        "batch_get_item",
        "batch_write_item",
        "get_item",
        "put_item",
        "update_item",
        "query",
        "transact_write_items",
    },
    "s3": {"put_object", "get_object"},
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "PERSIST_STATE": "0", "LOG_LEVEL": "ERROR"}
    process = subprocess.Popen(
        [checkout.emulator()], env={**os.environ, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}/_ministack/health")
        _build(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)


def _build(url: str) -> None:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    dynamodb, s3 = (boto3.client(name, endpoint_url=url, **keys) for name in ("dynamodb", "s3"))
    for table in TABLES:
        dynamodb.create_table(
            TableName=SETTINGS[table],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
    for bucket in ("ARCHIVE_BUCKET", "WORK_BUCKET", "DEAD_LETTERS_BUCKET"):
        s3.create_bucket(Bucket=SETTINGS[bucket])


@pytest.mark.parametrize("limits", [LIMITS, SHEDDING], ids=["usual limits", "states that shed"])
@pytest.mark.parametrize("lives", [None, *range(0, 9, 2)])
def test_a_death_after_any_call_changes_nothing(emulator: str, lives: int | None, limits: Limits) -> None:
    plane, clock = RemotePlane(emulator), Clock(START)
    with installed(plane, clock, limits):
        world = World(plane, clock, space=f"space{next(runs)}")
        story(world)
        died = not world.deliver(list(plane.lanes), 500, lives)
        world.settle()
        shown, paged, _, _ = picture(world)
        clock.ms += 5 * 3_600_000
        ticked = world.recompute()
    assert died == (lives is not None)
    assert (shown, paged) == ALIVE[:2]
    assert ticked == 1
