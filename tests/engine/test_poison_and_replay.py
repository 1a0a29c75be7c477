"""What fails alone is put aside with its reason and comes back once; what fails as a whole is retried, halved, kept."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import requests

from personas.local.cli import main
from personas.local.launch import LaunchedEngine
from personas.local.sample.control import Control

FOLDED = "personas.core.compute.state:ComputeState.add"
EXTRACTED = "personas.stitching:extract"


@dataclass
class Shop:
    engine: LaunchedEngine
    space: str
    write_key: str
    token: str

    def order(self, user: str, message_id: str) -> None:
        call = {"userId": user, "event": "Order Completed", "messageId": message_id, "properties": {"revenue": 5}}
        answer = requests.post(f"{self.engine.base_url}/v1/track", json=call, auth=(self.write_key, ""), timeout=30)
        assert answer.status_code == 200

    def orders(self, user: str) -> int | None:
        path = f"/v1/spaces/{self.space}/collections/users/profiles/user_id:{user}/traits"
        answer = requests.get(self.engine.base_url + path, auth=(self.token, ""), timeout=30)
        return answer.json()["traits"].get("orders") if answer.ok else None

    def faults(self, function: str, faults: dict[str, Any] | None) -> None:
        body = {f"personas-dev-{function}": faults}
        requests.post(f"{self.engine.base_url}/_local/faults", json=body, timeout=30).raise_for_status()

    def letters(self, prefix: str) -> list[tuple[str, dict[str, Any]]]:
        status = requests.get(f"{self.engine.base_url}/_local/status", timeout=30).json()["operator"]
        s3 = boto3.client(
            "s3",
            endpoint_url=status["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        bucket = status["DEAD_LETTERS_BUCKET"]
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
        return [(key, json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) for key in keys]

    def replay(self) -> int:
        return main(["replay", "--state", str(self.engine.state), "--space", self.space])


@pytest.fixture
def shop(engine: LaunchedEngine) -> Iterator[Shop]:
    control = Control(engine.base_url, engine.facts["control_token"])
    space = control.post("/spaces", {"name": f"shop {time.monotonic_ns()}"})["data"]["space"]["id"]
    write_key = control.post(f"/spaces/{space}/sources", {"name": "web"})["data"]["source"]["writeKeys"][0]
    token = control.post(f"/spaces/{space}/access-tokens", {"name": "test"})["data"]["token"]["secret"]
    trait = {"name": "Orders", "enabled": True, "definition": {"query": "event('Order Completed').count()"}}
    control.post(f"/spaces/{space}/computed-traits", {**trait, "definition": {**trait["definition"], "type": "users"}})
    shop = Shop(engine, space, write_key, token)
    yield shop
    shop.faults("identity", None)
    shop.faults("profiles", None)


@pytest.mark.parametrize(("stage", "place"), [("identity", EXTRACTED), ("profiles", FOLDED)])
def test_a_poison_event_is_put_aside_alone_and_counts_once_when_it_is_replayed(
    shop: Shop, stage: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.faults(stage, {"poison": {"at": place, "text": f"bad-{stage}"}})
    for number in range(3):
        shop.order("ann", f"good-{stage}-{number}")
    shop.order("ann", f"bad-{stage}")
    shop.order("ben", f"other-{stage}")
    shop.engine.settle()
    assert (shop.orders("ann"), shop.orders("ben")) == (3, 1)
    ((key, letter),) = shop.letters(f"{shop.space}/")
    assert key.startswith(f"{shop.space}/{stage}/")
    assert letter["event"]["body"]["messageId"] == f"bad-{stage}"
    assert letter["reason"]
    shop.faults(stage, None)
    assert shop.replay() == 0
    shop.engine.settle()
    assert (shop.orders("ann"), shop.orders("ben")) == (4, 1)
    assert not shop.letters(f"{shop.space}/")
    assert shop.replay() == 0
    assert "nothing to put back" in capsys.readouterr().out


def test_a_handler_that_fails_as_a_whole_is_retried_halved_and_its_batch_kept(shop: Shop) -> None:
    for number in range(4):
        shop.order(f"user-{number}", f"before-{number}")
    shop.engine.settle()
    known = {key for key, _ in shop.letters("aws/lambda/")}
    shop.faults("profiles", {"fail": {"times": 1_000, "when": "before"}})
    for number in range(4):
        shop.order(f"user-{number}", f"lost-{number}")
    given_up: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + 120
    while _records(given_up) < 4 and time.monotonic() < deadline:
        time.sleep(1)
        given_up = {key: body for key, body in shop.letters("aws/lambda/") if key not in known}
    shop.faults("profiles", None)
    assert _records(given_up) == 4
    assert {body["requestContext"]["condition"] for body in given_up.values()} == {"RetryAttemptsExhausted"}
    tried = [body["requestContext"]["approximateInvokeCount"] for body in given_up.values()]
    assert all(11 <= times <= 14 for times in tried), tried  # ten retries, and the batches that it was halved out of
    shop.order("user-0", "after")
    shop.engine.settle()
    assert [shop.orders(f"user-{number}") for number in range(4)] == [2, 1, 1, 1]


def _records(given_up: dict[str, dict[str, Any]]) -> int:
    return sum(body["KinesisBatchInfo"]["batchSize"] for body in given_up.values())
