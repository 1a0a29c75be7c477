"""The Control API through its real handler: spaces, sources, tokens, settings, definitions and destinations."""

import json
import os
from typing import Any

import boto3
import pytest

from personas import profiles_stream
from personas.core.envelope import BarrierEnvelope
from personas.core.lanes import LANES
from personas.stores import definitions, purges, refused, sources, spaces, tokens
from tests.unit.apis.conftest import (
    NOW,
    WORKSPACE_TOKEN,
    Function,
    MovableClock,
    basic,
    bring_into_force,
    errors,
    made,
)

ORDERS = {"name": "Orders 30d", "definition": {"query": "event('Order Completed').count()", "type": "users"}}
BUYERS = {"name": "Buyers", "definition": {"query": "trait('orders_30d') >= 1"}, "audienceType": "USERS"}


# who may call


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", f"Basic {WORKSPACE_TOKEN}", basic(WORKSPACE_TOKEN)])
def test_only_the_workspace_token_opens_it(control: Function, authorization: str) -> None:
    reply = control("GET", "/spaces", authorization=authorization)
    assert (reply.status, errors(reply)) == (401, [("unauthorized", None)])


def test_spaces_need_the_business_plan(control: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSPACE_PLAN", "team")
    assert control("POST", "/spaces", {"name": "Shop"}).status == 403


# spaces


def test_a_space_has_a_slug_and_is_found_by_it(control: Function) -> None:
    space = made(control("POST", "/spaces", {"name": "My Shop"}), "space")
    assert (space["slug"], space["name"]) == ("my-shop", "My Shop")
    assert made(control("GET", "/spaces/my-shop"), "space") == space
    assert made(control("GET", "/spaces"), "spaces") == [space]
    assert control("GET", "/spaces/other").status == 404


def test_a_slug_belongs_to_one_space(control: Function) -> None:
    assert control("POST", "/spaces", {"name": "One", "slug": "shop"}).status == 200
    assert control("POST", "/spaces", {"name": "Two", "slug": "shop"}).status == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": 1}, "name"),
        ({"name": "x", "slug": "A B"}, "slug"),
        ({"name": "x", "slug": "spa_x"}, "slug"),
        ({"name": "!!!"}, "slug"),
        ([], "body"),
    ],
)
def test_a_bad_space_is_refused_with_its_field(control: Function, body: Any, field: str) -> None:
    reply = control("POST", "/spaces", body)
    assert (reply.status, errors(reply)) == (400, [("bad-request", field)])


def test_a_deleted_space_is_gone_with_its_keys(control: Function, space: str) -> None:
    source = made(control("POST", f"/spaces/{space}/sources", {"name": "web"}), "source")
    token = made(control("POST", f"/spaces/{space}/access-tokens", {"name": "app"}), "token")
    control("POST", f"/spaces/{space}/audiences", {**BUYERS, "definition": {"query": "trait('a') = 1"}})
    control("POST", f"/spaces/{space}/trait-mappings", {"event": "E", "path": "properties.p", "trait": "p"})
    receipt = made(control("DELETE", f"/spaces/{space}"), "receipt")
    assert receipt["removed"] == {"sources": 1, "accessTokens": 1, "destinations": 0, "definitions": 1}
    assert control("GET", f"/spaces/{space}").status == 404
    assert spaces.head(space) is None
    assert sources.by_write_key(source["writeKeys"][0]) is None
    assert tokens.by_secret(token["secret"]) is None
    assert [purge.space for purge in purges.all()] == [space]
    left = boto3.client("dynamodb").scan(TableName="control_table")["Items"]
    assert sorted(item["pk"]["S"] for item in left) == ["workspace", "workspace#purging"]
    assert control("POST", "/spaces", {"name": "Shop"}).status == 200


# sources and tokens


def test_a_source_has_a_write_key_that_works_until_it_is_deleted(control: Function, space: str) -> None:
    source = made(control("POST", f"/spaces/{space}/sources", {"name": "web"}), "source")
    [key] = source["writeKeys"]
    assert sources.by_write_key(key) == (space, source["id"])
    assert made(control("GET", f"/spaces/{space}/sources/{source['id']}"), "source") == source
    assert made(control("GET", f"/spaces/{space}/sources"), "sources") == [source]
    assert control("DELETE", f"/spaces/{space}/sources/{source['id']}").status == 200
    sources._by_key.clear()
    assert sources.by_write_key(key) is None
    assert control("GET", f"/spaces/{space}/sources/{source['id']}").status == 404


def test_the_debugger_shows_what_a_source_was_refused(control: Function, space: str, function: Any) -> None:
    source = made(control("POST", f"/spaces/{space}/sources", {"name": "web"}), "source")
    ingest = function("ingest")
    ingest("POST", "/v1/page", {"messageId": "m1"}, authorization=basic(source["writeKeys"][0]))
    [entry] = made(control("GET", f"/spaces/{space}/sources/{source['id']}/refused-events"), "refusedEvents")
    assert entry["rejected"][0]["messageId"] == "m1"
    assert refused.of_source(space, source["id"])


def test_a_token_is_shown_once_and_stored_as_a_hash(control: Function, space: str) -> None:
    token = made(control("POST", f"/spaces/{space}/access-tokens", {"name": "app"}), "token")
    assert len(token["secret"]) >= 43
    found = tokens.by_secret(token["secret"])
    assert found is not None
    assert found.space == space
    assert "secret" not in made(control("GET", f"/spaces/{space}/access-tokens"), "tokens")[0]
    stored = boto3.client("dynamodb").scan(TableName="control_table")["Items"]
    assert token["secret"] not in str([(item, item.get("data") and tokens.documents.data_of(item)) for item in stored])
    assert control("DELETE", f"/spaces/{space}/access-tokens/{token['id']}").status == 200
    assert tokens.by_secret(token["secret"]) is None


def test_lists_come_in_pages(control: Function, space: str, moment: MovableClock) -> None:
    for number in range(5):
        moment.advance(1000)
        control("POST", f"/spaces/{space}/sources", {"name": f"s{number}"})
    names, cursor = [], ""
    for total in (2, 2, 1):
        reply = control("GET", f"/spaces/{space}/sources?pagination.count=2&pagination.cursor={cursor}")
        page = made(reply, "sources")
        assert len(page) == total
        names += [source["name"] for source in page]
        assert reply.body["data"]["pagination"]["totalEntries"] == 5
        cursor = reply.body["data"]["pagination"]["next"]
    assert cursor is None
    assert names == ["s0", "s1", "s2", "s3", "s4"]
    for query in ("pagination.count=0", "pagination.count=x", "pagination.cursor=x", "pagination[count]=201"):
        assert control("GET", f"/spaces/{space}/sources?{query}").status == 400


# definitions


def barriers_sent() -> list[BarrierEnvelope]:
    kinesis = boto3.client("kinesis")
    shard = kinesis.list_shards(StreamName="profiles_stream")["Shards"][0]["ShardId"]
    start = kinesis.get_shard_iterator(StreamName="profiles_stream", ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    records = kinesis.get_records(ShardIterator=start, Limit=10_000)["Records"]
    return [envelope for record in records for envelope in profiles_stream.read_envelopes(record["Data"])]


def test_a_computed_trait_as_segment_shows_it(control: Function, space: str) -> None:
    trait = made(control("POST", f"/spaces/{space}/computed-traits", ORDERS), "computedTrait")
    assert trait["key"] == "orders_30d"
    assert (trait["enabled"], trait["status"]) == (True, "Preparing")
    assert trait["backfill"] == {"progress": 0, "reason": None}
    assert trait["definition"] == {"query": "event('Order Completed').count()", "type": "USERS"}
    assert trait["options"]["includeHistoricalData"] is True
    assert trait["createdAt"] == trait["updatedAt"] == "2026-01-01T00:00:00.000Z"
    assert made(control("GET", f"/spaces/{space}/computed-traits/{trait['id']}"), "computedTrait") == trait
    assert made(control("GET", f"/spaces/{space}/computed-traits"), "computedTraits") == [trait]
    assert control("GET", f"/spaces/{space}/audiences/{trait['id']}").status == 404


def test_saving_a_definition_starts_a_backfill_that_brings_it_into_force(control: Function, space: str) -> None:
    control("POST", f"/spaces/{space}/computed-traits", ORDERS)
    audience = made(control("POST", f"/spaces/{space}/audiences", BUYERS), "audience")
    assert barriers_sent() == []
    states = boto3.client("stepfunctions")
    runs = states.list_executions(stateMachineArn=os.environ["BACKFILL_MACHINE"])["executions"]
    said = [json.loads(states.describe_execution(executionArn=run["executionArn"])["input"]) for run in runs]
    assert [(one["space"], one["step"]) for one in said] == [(space, "begin")] * 2
    assert len({one["run"] for one in said}) == 2
    bring_into_force(space)
    assert set(definitions.load(space, 3).named()) == {"orders_30d", "buyers"}
    assert made(control("GET", f"/spaces/{space}/audiences/{audience['id']}"), "audience")["status"] == "Live"


def test_what_goes_out_of_force_is_told_to_every_lane_at_once(control: Function, space: str) -> None:
    audience = made(control("POST", f"/spaces/{space}/audiences", BUYERS), "audience")
    bring_into_force(space)
    control("DELETE", f"/spaces/{space}/audiences/{audience['id']}")
    assert not definitions.load(space, 3).named()
    sent = barriers_sent()
    assert [envelope.version for envelope in sent] == [2] * LANES + [3] * LANES
    assert {envelope.space for envelope in sent} == {space}


def test_a_backfill_is_cancelled_and_restarted(control: Function, space: str) -> None:
    audience = made(control("POST", f"/spaces/{space}/audiences", BUYERS), "audience")
    at = f"/spaces/{space}/audiences/{audience['id']}"
    assert control("POST", f"{at}/backfills").status == 409
    cancelled = made(control("DELETE", f"{at}/backfills"), "audience")
    assert (cancelled["status"], cancelled["backfill"]["reason"]) == ("Failed", "cancelled")
    assert control("DELETE", f"{at}/backfills").status == 409
    assert made(control("POST", f"{at}/backfills"), "audience")["status"] == "Preparing"
    assert control("POST", f"/spaces/{space}/computed-traits/{audience['id']}/backfills").status == 404


def test_what_a_definition_means_is_locked_while_it_is_computed(control: Function, space: str) -> None:
    audience = made(control("POST", f"/spaces/{space}/audiences", BUYERS), "audience")
    at = f"/spaces/{space}/audiences/{audience['id']}"
    edit = {"definition": {"query": "trait('orders_30d') >= 2"}}
    assert control("PATCH", at, edit).status == 409
    assert made(control("PATCH", at, {"description": "who bought"}), "audience")["status"] == "Preparing"
    bring_into_force(space)
    edited = made(control("PATCH", at, edit), "audience")
    assert edited["status"] == "Preparing"
    head = spaces.head(space)
    assert head is not None
    assert definitions.load(space, head.definitions).named()["buyers"].query == "trait('orders_30d') >= 1"


def test_a_wrong_query_is_refused_with_its_place_and_changes_nothing(control: Function, space: str) -> None:
    wrong = {"name": "Broken", "definition": {"query": "event('A').count( >= 1"}, "audienceType": "USERS"}
    reply = control("POST", f"/spaces/{space}/audiences", wrong)
    assert (reply.status, errors(reply)) == (400, [("bad-request", "definition.query")])
    assert "column" in reply.body["errors"][0]["message"]
    assert made(control("GET", f"/spaces/{space}/audiences"), "audiences") == []
    head = spaces.head(space)
    assert head is not None
    assert head.definitions == 0


def test_two_definitions_cannot_share_a_key(control: Function, space: str) -> None:
    control("POST", f"/spaces/{space}/computed-traits", ORDERS)
    reply = control("POST", f"/spaces/{space}/audiences", {**BUYERS, "name": "orders 30D"})
    assert (reply.status, errors(reply)) == (409, [("conflict", None)])
    account = {**ORDERS, "definition": {**ORDERS["definition"], "type": "accounts"}}  # type: ignore[dict-item]
    assert control("POST", f"/spaces/{space}/computed-traits", account).status == 200


def test_a_definition_is_changed_disabled_and_deleted(control: Function, space: str, moment: MovableClock) -> None:
    audience = made(control("POST", f"/spaces/{space}/audiences", BUYERS), "audience")
    at = f"/spaces/{space}/audiences/{audience['id']}"
    moment.advance(1000)
    bring_into_force(space)
    changed = made(control("PATCH", at, {"definition": {"query": "trait('orders_30d') >= 2"}}), "audience")
    assert changed["definition"]["query"] == "trait('orders_30d') >= 2"
    assert (changed["key"], changed["createdAt"]) == ("buyers", audience["createdAt"])
    assert changed["updatedAt"] > audience["updatedAt"]
    bring_into_force(space)
    assert definitions.load(space, 4).named()["buyers"].version == 3
    assert made(control("PATCH", at, {"enabled": False}), "audience")["status"] == "Disabled"
    assert not definitions.load(space, 5).named()
    assert control("DELETE", at).status == 200
    assert control("GET", at).status == 404
    assert control("DELETE", at).status == 404


def test_what_a_definition_is_about_cannot_be_changed(control: Function, space: str) -> None:
    audience = made(control("POST", f"/spaces/{space}/audiences", BUYERS), "audience")
    reply = control("PATCH", f"/spaces/{space}/audiences/{audience['id']}", {"audienceType": "ACCOUNTS"})
    assert (reply.status, errors(reply)) == (400, [("bad-request", "audienceType")])


@pytest.mark.parametrize(
    ("given", "external_ids", "since"),
    [
        ({}, ["user_id", "email", "android.idfa", "ios.idfa"], None),
        ({"includeHistoricalData": False}, ["user_id", "email", "android.idfa", "ios.idfa"], NOW),
        ({"filterByExternalIds": ["email", "anonymous_id"]}, ["email", "anonymous_id"], None),
        ({"filterByExternalIds": ["email"], "includeAnonymousUsers": True}, ["email", "anonymous_id"], None),
        ({"filterByExternalIds": ["email"], "backfillEventDataDays": 2}, ["email"], NOW - 2 * 86_400_000),
    ],
)
def test_options(control: Function, space: str, given: Any, external_ids: list[str], since: int | None) -> None:
    audience = made(control("POST", f"/spaces/{space}/audiences", {**BUYERS, "options": given}), "audience")
    assert audience["options"]["filterByExternalIds"] == external_ids
    assert audience["options"]["includeHistoricalData"] is given.get("includeHistoricalData", True)
    saved = definitions.get(space, audience["id"])
    assert saved is not None
    assert saved.definition.options.since == since


def test_a_large_snapshot_lies_in_several_items(control: Function, space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions.documents, "MAX_DATA", 100)
    control("POST", f"/spaces/{space}/computed-traits", ORDERS)
    bring_into_force(space)
    assert set(definitions.load(space, 2).named()) == {"orders_30d"}
    monkeypatch.setattr(definitions, "MAX_PARTS", 1)
    assert control("POST", f"/spaces/{space}/audiences", BUYERS).status == 413


# destinations

HOOK = {"name": "Hook", "type": "actions-webhook", "settings": {"url": "https://example.com/hook"}}


def test_a_webhook_is_made_changed_and_deleted(control: Function, space: str) -> None:
    hook = made(control("POST", f"/spaces/{space}/destinations", HOOK), "destination")
    [subscription] = hook["subscriptions"]
    assert (subscription["partnerAction"], subscription["mapping"]["url"]) == ("send", "https://example.com/hook")
    at = f"/spaces/{space}/destinations/{hook['id']}"
    assert made(control("PATCH", at, {"enabled": False, "audiences": ["buyers"]}), "destination")["enabled"] is False
    assert made(control("GET", at), "destination")["audiences"] == ["buyers"]
    assert len(made(control("GET", f"/spaces/{space}/destinations"), "destinations")) == 1
    assert control("DELETE", at).status == 200
    assert control("GET", at).status == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**HOOK, "type": "actions-unknown"}, "type"),
        ({"name": "Hook"}, "type"),
        ({**HOOK, "settings": {}}, "subscriptions.0.mapping.url"),
        ({**HOOK, "settings": {"url": "ftp://example.com"}}, "subscriptions.0.mapping.url"),
        ({**HOOK, "subscriptions": [{"actionSlug": "other"}]}, "subscriptions.0.partnerAction"),
    ],
)
def test_a_bad_destination_is_refused_with_its_field(control: Function, space: str, body: Any, field: str) -> None:
    reply = control("POST", f"/spaces/{space}/destinations", body)
    assert (reply.status, errors(reply)) == (400, [("bad-request", field)])


# one space never sees another's


def test_ids_of_one_space_lead_nowhere_in_another(control: Function, space: str) -> None:
    other = made(control("POST", "/spaces", {"name": "Other"}), "space")["id"]
    source = made(control("POST", f"/spaces/{space}/sources", {"name": "web"}), "source")["id"]
    trait = made(control("POST", f"/spaces/{space}/computed-traits", ORDERS), "computedTrait")["id"]
    hook = made(control("POST", f"/spaces/{space}/destinations", HOOK), "destination")["id"]
    token = made(control("POST", f"/spaces/{space}/access-tokens", {"name": "app"}), "token")["id"]
    for method in ("GET", "DELETE"):
        for path in (f"sources/{source}", f"computed-traits/{trait}", f"destinations/{hook}"):
            assert control(method, f"/spaces/{other}/{path}").status == 404
    assert control("DELETE", f"/spaces/{other}/access-tokens/{token}").status == 404
    assert control("PATCH", f"/spaces/{other}/destinations/{hook}", {"enabled": False}).status == 404


def test_a_definition_may_have_a_schedule_of_its_own(control: Function, space: str) -> None:
    made_daily = control("POST", f"/spaces/{space}/audiences", {**BUYERS, "options": {"recomputeEveryHours": 24}})
    audience = made(made_daily, "audience")
    assert audience["options"]["recomputeEveryHours"] == 24
    [saved] = definitions.of_space(space)
    assert saved.definition.options.every_hours == 24
    for wrong in (0, 169, "often"):
        body = {**BUYERS, "name": "Others", "options": {"recomputeEveryHours": wrong}}
        reply = control("POST", f"/spaces/{space}/audiences", body)
        assert (reply.status, errors(reply)) == (400, [("bad-request", "options.recomputeEveryHours")])
