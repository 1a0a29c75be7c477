"""Previews through the Control API: asked for, worked out by the workflow's own handlers, read; and what is refused."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import orjson
import pytest

from functions.preview import shard, step
from personas.core.compute import monoids
from personas.core.preview.preview import DEADLINE
from tests.unit.apis.conftest import (
    Function,
    MovableClock,
    Pipeline,
    basic,
    bring_into_force,
    errors,
    made,
)

BUYERS = {"definition": {"query": "event('Order').count() >= 2"}, "audienceType": "USERS"}
SPENT = {"definition": {"query": "event('Order').sum(property('price'))", "type": "users"}}


@pytest.fixture
def send(
    control: Function,
    function: Callable[..., Function],
    space: str,
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[list[dict[str, Any]]], None]:
    """Events to their profiles and the archive."""
    monkeypatch.setenv("WORK_BUCKET", "work-bucket")
    boto3.client("s3").create_bucket(Bucket="work-bucket")
    versioned = {"Status": "Enabled"}
    boto3.client("s3").put_bucket_versioning(Bucket="archive-bucket", VersioningConfiguration=versioned)
    key = made(control("POST", f"/spaces/{space}/sources", {"name": "Web"}), "source")["writeKeys"][0]
    ingest = function("ingest")

    def send(batch: list[dict[str, Any]]) -> None:
        # One by one: moto's transactions are wrong side by side, which is how the people of one batch are resolved.
        for one in batch:
            assert ingest("POST", "/v1/batch", {"batch": [one]}, authorization=basic(key)).status == 200
            pipeline.run()

    return send


def order(user: str, price: int = 10, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order", "userId": user, "properties": {"price": price}, **more}


def started() -> Iterator[dict[str, Any]]:
    """The inputs of the executions that were asked for."""
    states = boto3.client("stepfunctions")
    for run in states.list_executions(stateMachineArn=os.environ["PREVIEW_MACHINE"])["executions"]:
        yield orjson.loads(states.describe_execution(executionArn=run["executionArn"])["input"])


def worked_off() -> None:
    """As the state machine goes through it."""
    for state in list(started()):
        while state.get("next") != "end":
            state = step.handle(state, None)
            if state["next"] == "map":
                body = boto3.client("s3").get_object(Bucket=state["bucket"], Key=state["key"])["Body"]
                for entry in orjson.loads(body.read()):
                    shard.handle(entry, None)


def asked(control: Function, space: str, body: dict[str, Any], path: str = "audiences") -> dict[str, Any]:
    """The preview once it is worked out."""
    name = "audiencePreview" if path == "audiences" else "computedTraitPreview"
    preview = made(control("POST", f"/spaces/{space}/{path}/previews", body), name)
    assert preview["status"] == "RUNNING"
    worked_off()
    shown = made(control("GET", f"/spaces/{space}/{path}/previews/{preview['id']}"), name)
    assert shown["status"] == "COMPLETED"
    return dict(shown)


def test_a_preview_says_how_many_who_and_by_which_identifiers(control: Function, space: str, send: Any) -> None:
    send([order("u1", anonymousId="a1"), order("u1", anonymousId="a2"), order("u2"), order("u3"), order("u3")])
    preview = asked(control, space, BUYERS)
    assert preview["audienceType"] == "USERS"
    assert preview["definition"] == {"query": BUYERS["definition"]["query"]}
    assert preview["options"]["filterByExternalIds"] == ["user_id", "email", "android.idfa", "ios.idfa"]
    assert preview["size"] == {"count": 2, "type": "USERS"}
    assert preview["identifiers"] == [
        {"type": "anonymous_id", "count": 1, "uniqueCount": 2},
        {"type": "user_id", "count": 2, "uniqueCount": 2},
    ]
    assert preview["uniqueCount"] == 4
    assert preview["sample"] == {"exact": True, "fraction": 1.0, "profiles": 3}
    found = {(one["type"], one["value"]) for shown in preview["results"] for one in shown["identifiers"]}
    assert found == {("user_id", "u1"), ("anonymous_id", "a1"), ("anonymous_id", "a2"), ("user_id", "u3")}
    assert "overlap" not in preview
    assert "failureReason" not in preview
    assert preview["expiresAt"] == "2026-01-08T00:00:00.000Z"


def test_anonymous_profiles_are_members_only_where_that_is_asked_for(control: Function, space: str, send: Any) -> None:
    send([{"type": "track", "event": "Visit", "anonymousId": "a1"}, {"type": "track", "event": "Visit", "userId": "u"}])
    visitors = {"definition": {"query": "event('Visit').count() >= 1"}, "audienceType": "USERS"}
    assert asked(control, space, visitors)["size"]["count"] == 1
    assert asked(control, space, {**visitors, "options": {"includeAnonymousUsers": True}})["size"]["count"] == 2
    everybody = {"filterByExternalIds": ["anonymous_id"]}
    assert asked(control, space, {**visitors, "options": everybody})["size"]["count"] == 1


def test_only_so_many_days_of_history_count_where_that_is_asked_for(
    control: Function, space: str, send: Any, moment: MovableClock
) -> None:
    long_ago = datetime.fromtimestamp(moment.ms / 1000 - 10 * 86_400, UTC).isoformat()
    send([order("u1", timestamp=long_ago), order("u1"), order("u2"), order("u2")])
    moment.advance(1)
    assert asked(control, space, BUYERS)["size"]["count"] == 2
    short = asked(control, space, {**BUYERS, "options": {"backfillEventDataDays": 5}})
    assert (short["size"]["count"], short["options"]["backfillEventDataDays"]) == (1, 5)
    none = asked(control, space, {**BUYERS, "options": {"includeHistoricalData": False}})
    assert (none["size"]["count"], none["options"]["includeHistoricalData"]) == (0, False)


def test_the_overlap_with_a_live_audience(control: Function, space: str, send: Any, pipeline: Pipeline) -> None:
    rich = {"name": "Rich", "definition": {"query": "trait('plan') = 'pro'"}, "audienceType": "USERS"}
    audience = made(control("POST", f"/spaces/{space}/audiences", rich), "audience")["id"]
    path = f"/spaces/{space}/audiences/previews"
    refused = control("POST", path, {**BUYERS, "overlapWith": audience})
    assert errors(refused) == [("bad-request", "overlapWith")]
    assert "Preparing" in refused.body["errors"][0]["message"]
    bring_into_force(space)
    identifies = [{"type": "identify", "userId": user, "traits": {"plan": "pro"}} for user in ("u1", "u2", "u4")]
    send([*identifies, order("u1"), order("u1"), order("u2"), order("u3"), order("u3")])
    overlap = asked(control, space, {**BUYERS, "overlapWith": audience})["overlap"]
    assert overlap == {"audienceId": audience, "audienceKey": "rich", "size": {"count": 3}, "count": 1}
    assert errors(control("POST", path, {**BUYERS, "overlapWith": "aud_no"})) == [("bad-request", "overlapWith")]


def test_a_computed_traits_preview_says_how_its_values_are_spread(control: Function, space: str, send: Any) -> None:
    send([order("u1", 10), order("u1", 30), order("u2", 5), {"type": "identify", "userId": "u3", "traits": {}}])
    preview = asked(control, space, SPENT, "computed-traits")
    assert preview["definition"] == {**SPENT["definition"], "type": "USERS"}
    assert preview["size"] == {"count": 2, "type": "USERS"}
    assert preview["withoutValue"] == {"count": 1}
    numbers = preview["distribution"]["numbers"]
    assert (numbers["min"], numbers["max"], numbers["mean"], numbers["quantiles"]["0.5"]) == (5, 40, 22.5, 5)
    assert [(entry["from"], entry["count"]) for entry in numbers["histogram"] if entry["count"]] == [(5, 1), (38.25, 1)]
    assert preview["distribution"]["topValues"] == [{"value": 40, "count": 1}, {"value": 5, "count": 1}]
    assert sorted(shown["value"] for shown in preview["results"]) == [5, 40]


def test_a_preview_counts_the_profiles_for_which_not_everything_could_be_kept(
    control: Function, space: str, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monoids, "LARGEST", 2)
    send([*[order("u1", price) for price in (1, 2, 3)], order("u2", 1), order("u2", 2)])
    query = "event('Order').unique(property('price'))"
    trait = asked(control, space, {"name": "Prices", "definition": {"query": query}}, "computed-traits")
    audience = asked(control, space, {**BUYERS, "definition": {"query": f"{query}.count() >= 2"}})
    assert (trait["size"]["count"], trait["capped"]) == (2, {"count": 1})
    assert (audience["size"]["count"], audience["capped"]) == (2, {"count": 1})


def test_accounts_are_previewed_over_the_events_of_their_members(control: Function, space: str, send: Any) -> None:
    groups = [
        {"type": "group", "userId": user, "groupId": group, "traits": {"size": 9}}
        for user, group in (("u1", "acme"), ("u2", "acme"), ("u3", "globex"))
    ]
    send([order("u1"), *groups, order("u2"), order("u3")])
    preview = asked(control, space, {**BUYERS, "audienceType": "ACCOUNTS"})
    assert preview["size"] == {"count": 1, "type": "ACCOUNTS"}
    assert preview["sample"]["profiles"] == 2
    assert preview["results"][0]["identifiers"] == [{"type": "group_id", "value": "acme", "collection": "accounts"}]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("audiences", {"definition": {"query": "event('Order').count("}}, "definition.query"),
        ("audiences", {"definition": {"query": "event('Order').count()"}}, "definition.query"),
        ("computed-traits", {"definition": {"query": "event('Order').count() >= 1"}}, "definition.query"),
        ("audiences", {"audienceType": "USERS"}, "definition"),
        ("audiences", {**BUYERS, "audienceType": "PETS"}, "audienceType"),
        ("audiences", {**BUYERS, "options": {"filterByExternalIds": []}}, "options.filterByExternalIds"),
        ("audiences", {**BUYERS, "options": {"backfillEventDataDays": 0}}, "options.backfillEventDataDays"),
    ],
    ids=["syntax", "a value", "a condition", "no definition", "no such type", "no identifiers", "no days"],
)
def test_what_saving_refuses_previewing_refuses_alike(
    control: Function, space: str, path: str, body: dict[str, Any], field: str
) -> None:
    refused = control("POST", f"/spaces/{space}/{path}/previews", body)
    assert refused.status == 400
    assert errors(refused) == [("bad-request", field)]
    named = {"name": "Named", **body}
    saved = control("POST", f"/spaces/{space}/{path}", named)
    assert saved.body == refused.body
    assert list(started()) == []


def test_a_preview_is_found_only_in_its_space_and_among_its_kind(control: Function, space: str, send: Any) -> None:
    preview = asked(control, space, BUYERS)["id"]
    other = made(control("POST", "/spaces", {"name": "Other"}), "space")["id"]
    for path in (f"/spaces/{other}/audiences", f"/spaces/{space}/computed-traits"):
        assert control("GET", f"{path}/previews/{preview}").status == 404
    assert control("GET", f"/spaces/{space}/audiences/previews/prv_no").status == 404


def test_who_has_no_token_gets_no_preview(function: Callable[..., Function], space: str) -> None:
    stranger = function("control_api", "Bearer wrong")
    assert stranger("POST", f"/spaces/{space}/audiences/previews", BUYERS).status == 401
    assert stranger("GET", f"/spaces/{space}/audiences/previews/prv_1").status == 401


def test_a_failed_workflow_fails_the_preview_with_the_reason(control: Function, space: str, send: Any) -> None:
    created = made(control("POST", f"/spaces/{space}/audiences/previews", BUYERS), "audiencePreview")
    [state] = started()
    ended = step.handle({**state, "failure": {"Error": "States.TaskFailed", "Cause": "no room"}}, None)
    assert ended["next"] == "end"
    shown = made(control("GET", f"/spaces/{space}/audiences/previews/{created['id']}"), "audiencePreview")
    assert (shown["status"], shown["failureReason"]) == ("FAILED", "States.TaskFailed: no room")
    worked_off()
    again = made(control("GET", f"/spaces/{space}/audiences/previews/{created['id']}"), "audiencePreview")
    assert again == shown, "what has ended stays as it was told"


def test_a_preview_whose_workflow_was_lost_has_failed_after_an_hour(
    control: Function, space: str, moment: MovableClock
) -> None:
    path = f"/spaces/{space}/audiences/previews"
    created = made(control("POST", path, BUYERS), "audiencePreview")
    moment.advance(DEADLINE)
    shown = made(control("GET", f"{path}/{created['id']}"), "audiencePreview")
    assert shown["status"] == "FAILED"
    assert "ask again" in shown["failureReason"]


def test_where_no_workflow_can_be_started_nothing_is_left(
    control: Function, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("stepfunctions").delete_state_machine(stateMachineArn=os.environ["PREVIEW_MACHINE"])
    refused = control("POST", f"/spaces/{space}/audiences/previews", BUYERS)
    assert refused.status == 503
    items = boto3.client("dynamodb").scan(TableName="control_table")["Items"]
    assert [item for item in items if item["pk"]["S"] == f"{space}#preview"] == []


def test_previews_go_with_their_space_and_are_not_written_after_it(control: Function, space: str, send: Any) -> None:
    send([order("u1"), order("u1")])
    asked(control, space, BUYERS)
    control("POST", f"/spaces/{space}/audiences/previews", BUYERS)
    assert control("DELETE", f"/spaces/{space}").status == 200
    worked_off()
    items = boto3.client("dynamodb").scan(TableName="control_table")["Items"]
    assert [item for item in items if item["pk"]["S"] == f"{space}#preview"] == []


def test_a_preview_expires_after_a_week(control: Function, space: str, moment: MovableClock) -> None:
    made(control("POST", f"/spaces/{space}/audiences/previews", BUYERS), "audiencePreview")
    items = boto3.client("dynamodb").scan(TableName="control_table")["Items"]
    [item] = [item for item in items if item["pk"]["S"] == f"{space}#preview"]
    assert int(item["ttl"]["N"]) == moment.ms // 1000 + 7 * 86_400


def test_what_users_and_accounts_ask_each_other(
    control: Function, space: str, send: Any, pipeline: Pipeline, moment: MovableClock
) -> None:
    busy = {"name": "Busy", "definition": {"query": "event('Order').count() >= 2"}, "audienceType": "ACCOUNTS"}
    made(control("POST", f"/spaces/{space}/audiences", busy), "audience")
    bring_into_force(space)
    joins = [
        {"type": "group", "userId": user, "groupId": group}
        for user, group in (("u1", "g1"), ("u2", "g1"), ("u3", "g2"))
    ]
    send([*joins, {"type": "group", "userId": "u4", "groupId": "g2"}, order("u1"), order("u2"), order("u3")])

    def shown(query: str, level: str) -> set[str]:
        preview = asked(control, space, {"definition": {"query": query}, "audienceType": level})
        found = {one["value"] for profile in preview["results"] for one in profile["identifiers"]}
        assert preview["size"] == {"count": len(preview["results"]), "type": level}
        return found

    assert shown("ANY (event('Order').count() >= 1)", "ACCOUNTS") == {"g1", "g2"}
    assert shown("ALL (event('Order').count() >= 1)", "ACCOUNTS") == {"g1"}
    assert shown("ALL NOT event('Order').where(property('price') > 10).count() >= 1", "ACCOUNTS") == {"g1", "g2"}
    assert shown("trait('busy') = 'true'", "USERS") == {"u1", "u2"}
    assert shown("NOT (trait('busy') = 'true')", "USERS") == {"u3", "u4"}
    assert shown("ANY (trait('busy') = 'true')", "ACCOUNTS") == {"g1"}
