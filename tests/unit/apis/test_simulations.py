"""A dry run of identity rules through the real handlers: asked for over the Control API, run step by step, and read."""

import json
from typing import Any

import boto3
import pytest

from functions.simulation import gather, replay
from personas import simulating, simulation_start
from personas.core.event import Event
from personas.core.identity.known import Known
from personas.core.moments import iso
from personas.core.simulation.simulation import LONGEST
from personas.stitching import stitch
from tests.unit.apis.conftest import NOW, Function, MovableClock, errors, made

LOOSE = {"identifiers": [{"type": "user_id", "limit": 2}, {"type": "email"}, {"type": "anonymous_id"}]}
AS_NOW = {"identifiers": [{"type": "user_id"}, {"type": "email"}, {"type": "anonymous_id"}]}


class Context:
    def __init__(self, ms: int = 900_000) -> None:
        self.ms = ms

    def get_remaining_time_in_millis(self) -> int:
        return self.ms


def at(space: str) -> str:
    return f"/spaces/{space}/identity-resolution/simulations"


@pytest.fixture(autouse=True)
def work(cloud: None, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("WORK_BUCKET", "work")
    boto3.client("s3").create_bucket(Bucket="work")
    return "work"


@pytest.fixture
def household(space: str) -> str:
    """Ann and Bob share an email, which stayed with Ann; and Bob has a tablet. The space's id."""
    for place, body in enumerate(
        [
            {"type": "identify", "userId": "ann", "traits": {"email": "home@b.c"}},
            {"type": "identify", "userId": "bob", "traits": {"email": "home@b.c"}},
            {"type": "identify", "userId": "bob", "anonymousId": "tablet"},
        ]
    ):
        lived(space, {**body, "messageId": f"m{place}"}, NOW - 10 + place)
    return space


def lived(space: str, body: dict[str, Any], received: int) -> None:
    stitched = stitch([[Event(space, "src1", received, received, body)]], Known(), received, lambda: True)
    assert stitched.failed is None


def asked() -> dict[str, Any]:
    """What the newest execution was begun with."""
    states = boto3.client("stepfunctions")
    [machine] = [one for one in states.list_state_machines()["stateMachines"] if one["name"] == "simulation"]
    executions = states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    newest = max(executions, key=lambda one: one["startDate"])
    return json.loads(states.describe_execution(executionArn=newest["executionArn"])["input"])


def gathered(state: dict[str, Any], context: Context) -> dict[str, Any]:
    """As the Map of the workflow does."""
    done = []
    for segment in state["segments"]:
        while segment["more"]:
            segment = json.loads(json.dumps(gather.handle(segment, context)))
        done.append(segment)
    return {**state, "gathered": done}


def items() -> list[dict[str, Any]]:
    return sorted(boto3.client("dynamodb").scan(TableName="identity_table")["Items"], key=str)


def objects() -> list[str]:
    return [one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket="work").get("Contents", ())]


def test_a_simulation_says_what_other_rules_would_have_made_and_touches_nothing(
    control: Function, household: str
) -> None:
    rules, before = control("GET", f"/spaces/{household}/identity-resolution").body, items()
    begun = made(control("POST", at(household), LOOSE), "simulation")
    assert (begun["status"], begun["progress"], begun["report"]) == ("INITIALIZED", 0, None)
    assert [rule["limit"] for rule in begun["rules"]["identifiers"]] == [2, 5, 5]
    state = gathered(asked(), Context())
    running = made(control("GET", f"{at(household)}/{begun['id']}"), "simulation")
    assert (running["status"], running["progress"]) == ("RUNNING", 94)
    assert replay.handle(state, None) == {"space": household, "simulation": begun["id"]}
    done = made(control("GET", f"{at(household)}/{begun['id']}"), "simulation")
    assert (done["status"], done["progress"], done["reason"], done["finishedAt"]) == ("FINISHED", 100, None, iso(NOW))
    users = done["report"]["users"]
    assert (users["profilesNow"], users["profilesThen"], users["mergesGained"], users["mergesLost"]) == (2, 1, 1, 0)
    [sample] = done["report"]["merged"]
    assert [why["messageId"] for why in sample["why"]] == ["m1"]
    assert {spot["kind"] for spot in done["report"]["blindSpots"]} >= {"confirmations"}
    assert control("GET", f"/spaces/{household}/identity-resolution").body == rules
    assert (items(), objects()) == (before, [])
    [listed] = control("GET", at(household)).body["data"]["simulations"]
    assert (listed["id"], listed["status"], "report" in listed) == (begun["id"], "FINISHED", False)


def test_the_rules_in_force_would_change_nothing(control: Function, household: str) -> None:
    begun = made(control("POST", at(household), AS_NOW), "simulation")
    replay.handle(gathered(asked(), Context()), None)
    report = made(control("GET", f"{at(household)}/{begun['id']}"), "simulation")["report"]
    assert (report["merged"], report["split"]) == ([], [])
    assert report["users"]["profilesNow"] == report["users"]["profilesThen"] == 2


def test_a_segment_is_gathered_in_parts_where_time_runs_out_and_every_step_may_be_run_again(
    control: Function, household: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than two pages of 1 MB, as every identifier is long."""
    monkeypatch.setattr(simulation_start, "SEGMENTS", 1)
    for number in range(1, 111):
        seen = {"type": "track", "event": "Seen", "messageId": f"n{number}"}
        lived(household, {**seen, "anonymousId": f"{number:020000d}"}, NOW - 1)
    begun = made(control("POST", at(household), LOOSE), "simulation")
    state = asked()
    hurried = Context(ms=gather.RESERVE_MS)
    segment = gather.handle(state["segments"][0], hurried)
    assert segment["more"]
    assert gather.handle(state["segments"][0], hurried) == segment
    state = gathered({**state, "segments": [segment]}, hurried)
    assert len(objects()) == state["gathered"][0]["part"] == 3
    replay.handle(state, None)
    replay.handle(state, None)
    done = made(control("GET", f"{at(household)}/{begun['id']}"), "simulation")
    assert (done["report"]["events"], done["report"]["users"]["mergesGained"]) == (113, 1)


def test_a_failure_is_said_and_leaves_nothing_behind(control: Function, household: str) -> None:
    begun = made(control("POST", at(household), LOOSE), "simulation")
    state = gathered(asked(), Context())
    replay.handle({**state, "failure": {"Error": "Sandbox.Timedout", "Cause": "900 seconds"}}, None)
    told = made(control("GET", f"{at(household)}/{begun['id']}"), "simulation")
    assert (told["status"], told["reason"]) == ("FAILED", "Sandbox.Timedout: 900 seconds")
    assert objects() == []
    replay.handle(state, None)
    assert made(control("GET", f"{at(household)}/{begun['id']}"), "simulation")["status"] == "FAILED"


def test_a_space_that_is_too_large_is_said_to_be(
    control: Function, household: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulating, "MOST_ITEMS", 3)
    begun = made(control("POST", at(household), LOOSE), "simulation")
    replay.handle(gathered(asked(), Context()), None)
    told = made(control("GET", f"{at(household)}/{begun['id']}"), "simulation")
    assert told["status"] == "FAILED"
    assert told["reason"].endswith("a simulation takes 3 at most")


def test_one_simulation_of_a_space_at_a_time_but_not_for_ever(
    control: Function, household: str, moment: MovableClock
) -> None:
    begun = made(control("POST", at(household), LOOSE), "simulation")
    refused = control("POST", at(household), LOOSE)
    assert (refused.status, begun["id"] in refused.body["errors"][0]["message"]) == (409, True)
    moment.advance(LONGEST + 1)
    told = made(control("GET", f"{at(household)}/{begun['id']}"), "simulation")
    assert (told["status"], told["reason"]) == ("FAILED", "the run was cut off")
    assert control("POST", at(household), LOOSE).status == 200


def test_proposed_rules_are_checked_as_those_that_are_saved(control: Function, household: str) -> None:
    bad = control("POST", at(household), {"identifiers": [{"type": "user_id", "limit": 0}]})
    assert (bad.status, errors(bad)) == (400, [("bad-request", "identifiers[0].limit")])
    assert control("GET", at(household)).body["data"]["simulations"] == []
    assert control("GET", f"{at(household)}/sim_other").status == 404


def test_one_that_cannot_be_started_is_not_kept(
    control: Function, household: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        simulation_start, "setting", lambda _: "arn:aws:states:us-east-1:123456789012:stateMachine:gone"
    )
    assert control("POST", at(household), LOOSE).status == 503
    assert control("GET", at(household)).body["data"]["simulations"] == []


def test_nothing_is_gathered_or_kept_for_a_space_that_is_gone(control: Function, household: str) -> None:
    control("POST", at(household), LOOSE)
    state = asked()
    assert control("DELETE", f"/spaces/{household}").status == 200
    state = gathered(state, Context())
    replay.handle(state, None)
    assert objects() == []
    assert all(
        "#simulations" not in item["pk"]["S"]
        for item in boto3.client("dynamodb").scan(TableName="control_table")["Items"]
    )
