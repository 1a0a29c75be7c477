"""Taking profiles apart over the Control API, by what the real identity stage has recorded."""

import json
from typing import Any

import boto3
import pytest

from personas.core.event import Event
from personas.core.identity.known import Known
from personas.stitching import stitch
from personas.stores import graph, unmerges
from tests.unit.apis.conftest import NOW, Function, errors, made


@pytest.fixture
def wrong(control: Function, space: str) -> dict[str, Any]:
    """Ann used Bob's tablet before he signed in on it, so that both are one: the graph of what they are."""
    two = {"identifiers": [{"type": "user_id", "limit": 2}, {"type": "email"}, {"type": "anonymous_id"}]}
    assert control("PUT", f"/spaces/{space}/identity-resolution", two).status == 200
    for place, body in enumerate(
        [
            {"type": "identify", "userId": "ann", "traits": {"email": "ann@b.c"}},
            {"type": "identify", "userId": "bob", "traits": {"email": "bob@b.c"}},
            {"type": "identify", "userId": "ann", "anonymousId": "tablet"},
            {"type": "identify", "userId": "bob", "anonymousId": "tablet"},
        ]
    ):
        event = Event(space, "src1", NOW, NOW - 10 + place, {**body, "messageId": f"m{place}"})
        assert stitch([[event]], Known(), NOW - 10 + place, lambda: True).failed is None
    profile = graph.find_profile(space, "users", "user_id", "ann")
    assert profile == graph.find_profile(space, "users", "user_id", "bob")
    return graph_of(control, space, str(profile))


def graph_of(control: Function, space: str, profile: str) -> dict[str, Any]:
    return made(control("GET", f"/spaces/{space}/profiles/{profile}/graph"), "graph")


def values(shown: dict[str, Any]) -> set[str]:
    return {one["value"] for one in shown["identifiers"]}


def test_a_merge_is_taken_back_and_the_past_is_to_be_counted_again(
    control: Function, space: str, wrong: dict[str, Any]
) -> None:
    [merge] = wrong["merges"]
    at = f"/spaces/{space}/profiles/{wrong['profileId']}/unmerge"
    unmerge = made(control("POST", at, {"mergeId": merge["id"]}), "unmerge")
    assert (unmerge["profileId"], unmerge["mergeId"]) == (wrong["profileId"], merge["id"])
    assert (unmerge["status"], unmerge["finishedAt"]) == ("RUNNING", None)
    stays, restored = (graph_of(control, space, unmerge[side]) for side in ("profileId", "otherProfileId"))
    assert values(stays) | values(restored) == {"ann", "ann@b.c", "bob", "bob@b.c", "tablet"}
    assert ("bob@b.c" in values(restored)) == ("bob" in values(restored)) != ("bob" in values(stays))
    assert stays["merges"] == restored["merges"] == []
    assert stays["unmerges"] == restored["unmerges"] == [unmerge]
    [run] = boto3.client("stepfunctions").list_executions(stateMachineArn=_machine("backfill"))["executions"]
    begun = boto3.client("stepfunctions").describe_execution(executionArn=run["executionArn"])["input"]
    assert json.loads(begun)["space"] == space

    of_profile = f"/spaces/{space}/profiles/{wrong['profileId']}/unmerges"
    assert made(control("GET", f"{of_profile}/{unmerge['id']}"), "unmerge") == unmerge
    assert made(control("POST", at, {"mergeId": merge["id"]}), "unmerge") == unmerge
    again = control("POST", at, {"mergeId": merge["id"]}, idempotency_key="other")
    assert (again.status, errors(again)) == (409, [("conflict", "mergeId")])
    unmerges.note_rebuilt(space, unmerge["id"], NOW)
    [listed] = control("GET", of_profile).body["data"]["unmerges"]
    assert (listed["status"], listed["finishedAt"]) == ("FINISHED", "2026-01-01T00:00:00.000Z")


def test_identifiers_are_taken_out_once_for_each_key(control: Function, space: str, wrong: dict[str, Any]) -> None:
    at = f"/spaces/{space}/profiles/{wrong['profileId']}/unmerge"
    wanted = {"identifiers": [{"type": "user_id", "value": "bob"}, {"type": "email", "value": "bob@b.c"}]}
    unmerge = made(control("POST", at, wanted, idempotency_key="k"), "unmerge")
    assert values(graph_of(control, space, unmerge["otherProfileId"])) == {"bob", "bob@b.c"}
    assert values(graph_of(control, space, unmerge["profileId"])) == {"ann", "ann@b.c", "tablet"}
    assert made(control("POST", at, wanted, idempotency_key="k"), "unmerge") == unmerge
    other = control("POST", at, {"identifiers": wanted["identifiers"][:1]}, idempotency_key="k")
    assert (other.status, errors(other)) == (409, [("conflict", "Idempotency-Key")])
    meanwhile = control("POST", at, {"identifiers": [{"type": "anonymous_id", "value": "tablet"}]})
    assert meanwhile.status == 409
    assert "ask again" in meanwhile.body["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "mergeId"),
        ({"mergeId": "m", "identifiers": [{"type": "email", "value": "ann@b.c"}]}, 400, "mergeId"),
        ({"identifiers": []}, 400, "mergeId"),
        ({"identifiers": [{"type": "email"}]}, 400, "identifiers.0.value"),
        ({"identifiers": [{"type": "email", "value": "eve@b.c"}]}, 400, "identifiers[0]"),
        ({"mergeId": "none"}, 404, "mergeId"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused_with_its_field(
    control: Function, space: str, wrong: dict[str, Any], body: dict[str, Any], status: int, field: str
) -> None:
    reply = control("POST", f"/spaces/{space}/profiles/{wrong['profileId']}/unmerge", body)
    assert (reply.status, errors(reply)[0][1]) == (status, field)
    assert graph_of(control, space, wrong["profileId"]) == wrong


def test_a_profile_that_became_part_of_another_names_that(control: Function, space: str, wrong: dict[str, Any]) -> None:
    [merge] = wrong["merges"]
    reply = control("POST", f"/spaces/{space}/profiles/{merge['loser']}/unmerge", {"mergeId": merge["id"]})
    assert reply.status == 409
    assert wrong["profileId"] in reply.body["errors"][0]["message"]


def test_a_profile_keeps_an_identifier_and_strangers_have_none(
    control: Function, space: str, wrong: dict[str, Any]
) -> None:
    every = [{"type": one["type"], "value": one["value"]} for one in wrong["identifiers"]]
    reply = control("POST", f"/spaces/{space}/profiles/{wrong['profileId']}/unmerge", {"identifiers": every})
    assert (reply.status, errors(reply)) == (400, [("bad-request", "identifiers")])
    assert control("POST", f"/spaces/{space}/profiles/use_nobody/unmerge", {"mergeId": "m"}).status == 404
    assert control("GET", f"/spaces/{space}/profiles/{wrong['profileId']}/unmerges/unm_none").status == 404


def _machine(name: str) -> str:
    machines = boto3.client("stepfunctions").list_state_machines()["stateMachines"]
    return next(one["stateMachineArn"] for one in machines if one["name"] == name)
