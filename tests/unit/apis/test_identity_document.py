"""The examples of docs/identity.md, carried out: its events, its request bodies and its answers are what they are."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions.simulation import gather, replay
from personas.core.event import Event
from personas.core.identity.known import Known
from personas.core.moments import iso
from personas.stitching import stitch
from personas.stores import graph
from tests.unit.apis.conftest import Context, Function, MovableClock, made

DOCUMENT = (Path(__file__).parents[3] / "docs" / "identity.md").read_text()
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| [^|]+ \| (P\d): ([^|]+) \|$", re.MULTILINE)
CARRIED = re.compile(r"(`anonymousId`|`userId`|email) ([^\s,]+)")
FIELDS = {"`anonymousId`": "anonymousId", "`userId`": "userId"}


def examples() -> Iterator[tuple[dict[str, Any], int, str, set[str]]]:
    """Of each row: the call, when it is received, and the profile that it comes to, with all that leads there."""
    for number, event, profile, identifiers in ROW.findall(DOCUMENT):
        at = int(datetime(2026, 1, int(number), 10, tzinfo=UTC).timestamp() * 1000)
        kind = event.split(",")[0]
        body: dict[str, Any] = {"type": kind, "messageId": f"m{number}", "timestamp": iso(at)}
        if kind == "track":
            body["event"] = "Seen"
        for name, value in CARRIED.findall(event):
            body |= {"traits": {"email": value}} if name == "email" else {FIELDS[name]: value}
        yield body, at, profile, set(identifiers.split(", "))


def answers() -> list[Any]:
    """What stands in its blocks of JSON."""
    return [json.loads(block) for block in re.findall(r"```json\n(.+?)```", DOCUMENT, re.DOTALL)]


def live(space: str, moment: MovableClock, last: int) -> dict[str, str]:
    """The document's names of the profiles, by id, once its events were resolved up to that one."""
    named: dict[str, str] = {}
    for body, at, name, identifiers in list(examples())[:last]:
        moment.ms = at
        stitched = stitch([[Event(space, "src1", at, at, body)]], Known(), at, lambda: True)
        assert stitched.failed is None
        [envelope] = [one for one in stitched.envelopes if getattr(one, "event", None)]
        assert {one.id for one in graph.identifiers(space, envelope.profile)} == identifiers
        assert named.setdefault(envelope.profile, name) == name
    return named


def test_the_worked_examples_come_out_as_they_are_told(space: str, moment: MovableClock) -> None:
    assert sorted(live(space, moment, 7).values()) == ["P1", "P2", "P3", "P4"]


def test_the_rules_that_are_shown_are_taken(control: Function, space: str) -> None:
    [rules] = [one for one in answers() if "identifiers" in one and "blockedPatterns" in one]
    assert control("PUT", f"/spaces/{space}/identity-resolution", rules).status == 200


def test_the_explanation_that_is_shown_is_the_answer(control: Function, space: str, moment: MovableClock) -> None:
    named = live(space, moment, 5)
    [shown] = [one for one in answers() if "explanation" in one.get("data", {})]
    told = control("GET", f"/spaces/{space}/identity/explain?a=user_id:u2&b=email:ada@example.com").body
    for side in ("a", "b"):
        identifier = told["data"]["explanation"][side]
        identifier["profileId"] = f"use_{named[identifier['profileId']]}"
    assert told == shown


def test_the_reason_that_a_simulation_is_shown_to_give_is_what_it_gives(
    control: Function, space: str, moment: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(space, moment, 5)
    [shown] = [one for one in answers() if "words" in one]
    monkeypatch.setenv("WORK_BUCKET", "work")
    boto3.client("s3").create_bucket(Bucket="work")
    rules = {"identifiers": [{"type": "user_id", "limit": 2}, {"type": "email"}, {"type": "anonymous_id"}]}
    begun = made(control("POST", f"/spaces/{space}/identity-resolution/simulations", rules), "simulation")
    states = boto3.client("stepfunctions")
    [machine] = [one for one in states.list_state_machines()["stateMachines"] if one["name"] == "simulation"]
    [execution] = states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    state = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
    state["gathered"] = [gather.handle(segment, Context()) for segment in state["segments"]]
    replay.handle(state, None)
    path = f"/spaces/{space}/identity-resolution/simulations/{begun['id']}"
    [merged] = made(control("GET", path), "simulation")["report"]["merged"]
    assert merged["why"] == [shown]
