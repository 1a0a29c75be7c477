"""The Tracking API through its real handler: who may send, what is answered, and what Kinesis then holds."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from personas import events_stream, streams
from personas.core.event import Event
from personas.core.workspace import Source
from personas.stores import refused, sources
from tests.unit.apis.conftest import NOW, Function, MovableClock, basic

KEY = "write-key"
SIGNED_UP = {"userId": "u1", "event": "Signed Up"}


@pytest.fixture
def ingest(function: Callable[..., Function]) -> Function:
    sources.create(Source("src_1", "spa_1", "shop", (KEY,), NOW))
    return function("ingest")


def sent() -> list[Event]:
    kinesis = boto3.client("kinesis")
    shard = kinesis.list_shards(StreamName="events_stream")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName="events_stream", ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    records = kinesis.get_records(ShardIterator=iterator)["Records"]
    return [event for record in records for event in events_stream.read_events(record["Data"])]


def test_the_write_key_as_basic_user_name(ingest: Function) -> None:
    reply = ingest("POST", "/v1/track", SIGNED_UP, authorization=basic(KEY))
    assert (reply.status, reply.body) == (200, {"success": True})
    [event] = sent()
    assert (event.space, event.source, event.name, event.at) == ("spa_1", "src_1", "Signed Up", NOW)
    assert event.message_id.startswith("api-")


def test_the_write_key_in_the_body_is_not_kept_on_the_event(ingest: Function) -> None:
    assert ingest("POST", "/v1/t", {**SIGNED_UP, "writeKey": KEY}).status == 200
    assert "writeKey" not in sent()[0].body


def test_a_bearer_token_beside_the_write_key_in_the_body(ingest: Function) -> None:
    body = {"batch": [{"type": "track", **SIGNED_UP}], "writeKey": KEY}
    assert ingest("POST", "/v1/batch", body, authorization="Bearer of-something").status == 200
    assert ingest("POST", "/v1/track", SIGNED_UP, authorization=f"Bearer {KEY}").status == 401


@pytest.mark.parametrize("authorization", [basic("unknown"), "Basic %%%", "Basic", ""])
def test_an_unknown_write_key_is_refused_and_nothing_is_sent(ingest: Function, authorization: str) -> None:
    reply = ingest("POST", "/v1/track", SIGNED_UP, authorization=authorization)
    assert reply.status == 401
    assert reply.body["success"] is False
    assert not sent()


def test_a_zipped_body(ingest: Function) -> None:
    body = gzip.compress(json.dumps({"batch": [{"type": "track", **SIGNED_UP}] * 3}).encode())
    reply = ingest("POST", "/v1/batch", body, authorization=basic(KEY), content_encoding="gzip")
    assert reply.status == 200
    assert len(sent()) == 3


@pytest.mark.parametrize(
    "body", [pytest.param(b"not zipped", id="not zipped"), pytest.param(gzip.compress(b"{" * 100)[:20], id="cut short")]
)
def test_a_body_that_is_not_what_its_headers_say(ingest: Function, body: bytes) -> None:
    assert ingest("POST", "/v1/batch", body, authorization=basic(KEY), content_encoding="gzip").status == 400


def test_a_zipped_bomb_is_too_large(ingest: Function) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    reply = ingest("POST", "/v1/batch", bomb, authorization=basic(KEY), content_encoding="gzip")
    assert reply.status == 413
    assert "500 KB" in reply.body["message"]


def test_a_call_over_32_kilobytes_is_400(ingest: Function) -> None:
    big = {**SIGNED_UP, "properties": {"text": "x" * 33_000}}
    assert ingest("POST", "/v1/track", big, authorization=basic(KEY)).status == 400
    big["properties"] = {"text": "x" * 600_000}
    assert ingest("POST", "/v1/track", big, authorization=basic(KEY)).status == 400


def test_a_batch_with_bad_events_keeps_the_good_and_says_which_are_bad(ingest: Function, moment: MovableClock) -> None:
    bad = {"type": "track", "messageId": "m2", "event": "Signed Up"}
    body = {"batch": [{"type": "track", "messageId": "m1", **SIGNED_UP}, bad]}
    reply = ingest("POST", "/v1/batch", body, authorization=basic(KEY))
    assert reply.status == 400
    assert (reply.body["success"], reply.body["accepted"]) == (False, 1)
    [rejected] = reply.body["rejected"]
    assert (rejected["index"], rejected["messageId"]) == (1, "m2")
    assert "userId or anonymousId" in rejected["reason"]
    assert [event.message_id for event in sent()] == ["m1"]
    moment.advance(1000)
    ingest("POST", "/v1/page", {}, authorization=basic(KEY))
    newest, oldest = refused.of_source("spa_1", "src_1")
    assert (newest["at"], oldest["at"]) == (NOW + 1000, NOW)
    assert oldest["refused"][0]["messageId"] == "m2"


def test_the_debugger_keeps_the_last_requests_only(ingest: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused, "SLOTS", 3)
    for number in range(5):
        ingest("POST", "/v1/page", {"messageId": f"m{number}"}, authorization=basic(KEY))
    kept = [request["refused"][0]["messageId"] for request in refused.of_source("spa_1", "src_1")]
    assert sorted(kept) == ["m2", "m3", "m4"]


def test_nothing_is_success_before_kinesis_has_it(ingest: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(stream: str, records: list[streams.Record]) -> None:
        raise streams.StreamRefusedRecords("the shard is full")

    monkeypatch.setattr(events_stream, "put_records", refuse)
    reply = ingest("POST", "/v1/track", SIGNED_UP, authorization=basic(KEY))
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) > 0
    assert reply.body["success"] is False


def test_a_fault_of_ours_is_500_and_tells_nothing(ingest: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_stream, "put_records", lambda stream, records: 1 / 0)
    reply = ingest("POST", "/v1/track", SIGNED_UP, authorization=basic(KEY))
    assert reply.status == 500
    assert "division" not in reply.body["message"]


def test_a_removed_write_key_stops_working_within_half_a_minute(ingest: Function, moment: MovableClock) -> None:
    assert ingest("POST", "/v1/track", SIGNED_UP, authorization=basic(KEY)).status == 200
    sources.remove(Source("src_1", "spa_1", "shop", (KEY,), NOW))
    moment.advance(sources.REMEMBERED)
    assert ingest("POST", "/v1/track", SIGNED_UP, authorization=basic(KEY)).status == 401


def test_what_analytics_js_asks_for_first(ingest: Function) -> None:
    reply = ingest("GET", f"/v1/projects/{KEY}/settings", host="cdp.example.com", x_forwarded_proto="https")
    assert reply.status == 200
    segment = reply.body["integrations"]["Segment.io"]
    assert (segment["apiKey"], segment["apiHost"], segment["protocol"]) == (KEY, "cdp.example.com/v1", "https")
    assert ingest("GET", "/v1/projects/unknown/settings").status == 404


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/v1/m", 404), ("GET", "/v1/track", 405)])
def test_paths_that_the_api_does_not_have(ingest: Function, method: str, path: str, status: int) -> None:
    assert ingest(method, path, {}, authorization=basic(KEY)).status == status


def test_events_of_one_sender_keep_their_order(ingest: Function) -> None:
    names = [f"E{number}" for number in range(50)]
    batch: list[dict[str, Any]] = [
        {"type": "track", "anonymousId": f"a{place % 3}", "event": name} for place, name in enumerate(names)
    ]
    ingest("POST", "/v1/batch", {"batch": batch}, authorization=basic(KEY))
    for place in range(3):
        assert [event.name for event in sent() if event.body["anonymousId"] == f"a{place}"] == names[place::3]


def test_more_than_a_record_holds_goes_in_order(ingest: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_stream, "MAX_RECORD", 1000)
    batch = [{"type": "track", "userId": "u1", "event": f"E{number}"} for number in range(50)]
    ingest("POST", "/v1/batch", {"batch": batch}, authorization=basic(KEY))
    assert [event.name for event in sent()] == [call["event"] for call in batch]


def test_a_cold_start_loads_nothing_heavy() -> None:
    heavy = ("pydantic", "lark", "moto", "pyarrow", "aws_xray_sdk", "requests")
    program = f"import sys, handler; print([name for name in {heavy!r} if name in sys.modules])"
    paths = ["functions/ingest", "layers/personas/python"]
    environment = {"PYTHONPATH": ":".join(paths), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "[]", done.stderr
