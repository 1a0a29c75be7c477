"""The whole engine as `personas up --empty` starts it: what it writes, what lies below /_local, and stopping."""

import subprocess
import time

import pytest
import requests

from personas.local.launch import LaunchedEngine


def test_local_json_says_what_the_contract_says(engine):
    facts = engine.facts
    assert set(facts) == {"base_url", "workspace_id", "control_token", "space_id", "write_key", "profile_token"}
    assert facts["base_url"] == engine.base_url
    headers = {"Authorization": f"Bearer {facts['control_token']}"}
    found = requests.get(f"{engine.base_url}/spaces/{facts['space_id']}", headers=headers, timeout=10)
    assert found.json()["data"]["space"]["slug"] == "dev"


def test_the_clock_answers_and_moves(engine):
    before = requests.get(f"{engine.base_url}/_local/clock", timeout=10).json()
    moved = requests.post(f"{engine.base_url}/_local/clock", json={"advanceSeconds": 3600}, timeout=60)
    assert moved.status_code == 200
    assert moved.json()["offsetSeconds"] == before["offsetSeconds"] + 3600
    assert moved.json()["now"].endswith("Z")


@pytest.mark.parametrize("body", [{"advanceSeconds": -1}, {"advanceSeconds": "soon"}, {}])
def test_the_clock_refuses_what_is_no_step_forward(engine, body):
    refused = requests.post(f"{engine.base_url}/_local/clock", json=body, timeout=10)
    assert (refused.status_code, refused.json()["field"]) == (400, "advanceSeconds")


def test_settling_when_nothing_is_pending_is_quick(engine):
    engine.settle()
    started = time.monotonic()
    for _ in range(5):
        answer = requests.post(f"{engine.base_url}/_local/settle", json={"timeoutSeconds": 10}, timeout=20)
        assert answer.json() == {"settled": True}
    assert (time.monotonic() - started) / 5 < 0.2


def test_status_names_what_runs(engine):
    status = requests.get(f"{engine.base_url}/_local/status", timeout=10).json()
    assert {"now", "pending", "mappings", "functions", "schedules", "sink"} <= set(status)
    assert "personas-dev-recompute" in status["schedules"]


def test_a_schedule_can_be_run_by_name(engine):
    ran = requests.post(f"{engine.base_url}/_local/schedules/personas-dev-recompute/run", timeout=60)
    assert ran.json() == {"ran": "personas-dev-recompute", "tasks": 0}
    unknown = requests.post(f"{engine.base_url}/_local/schedules/nothing/run", timeout=10)
    assert unknown.status_code == 404
    assert "personas-dev-recompute" in unknown.json()["message"]


def test_the_sink_takes_lists_and_fails(engine):
    sink = f"{engine.base_url}/_local/sink"
    assert requests.post(f"{sink}/probe/a", json={"event": "Probe"}, timeout=10).json() == {"ok": True}
    requests.post(f"{sink}/_fail", json={"count": 1, "status": 503, "path": "/probe"}, timeout=10)
    assert requests.post(f"{sink}/probe/b", json={}, timeout=10).status_code == 503
    listed = requests.get(sink, params={"path": "/probe", "limit": 1}, timeout=10).json()
    assert (listed["total"], listed["byEvent"], listed["requests"][0]["path"]) == (1, {"Probe": 1}, "/probe/a")


def test_a_name_that_is_not_loopback_is_turned_away(engine):
    answer = requests.get(f"{engine.base_url}/_local/clock", headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 403


def test_an_event_can_be_read_back(engine):
    facts = engine.facts
    body = {"userId": "front-1", "event": "Order Completed", "properties": {"revenue": 3}}
    sent = requests.post(f"{engine.base_url}/v1/track", json=body, auth=(facts["write_key"], ""), timeout=10)
    assert (sent.status_code, sent.json()) == (200, {"success": True})
    engine.settle()
    profile = f"{engine.base_url}/v1/spaces/{facts['space_id']}/collections/users/profiles/user_id:front-1"
    events = requests.get(f"{profile}/events", auth=(facts["profile_token"], ""), timeout=10).json()
    assert [event["event"] for event in events["data"]] == ["Order Completed"]


def test_a_restart_keeps_the_space_the_clock_and_the_events_and_leaves_nothing_running(tmp_path):
    first = LaunchedEngine(tmp_path / "state")
    with first:
        facts = first.facts
        requests.post(f"{first.base_url}/_local/clock", json={"advanceSeconds": 86_400}, timeout=60)
        body = {"userId": "front-2", "event": "Signed Up"}
        requests.post(f"{first.base_url}/v1/track", json=body, auth=(facts["write_key"], ""), timeout=10)
    left = subprocess.run(["pgrep", "-af", str(tmp_path)], capture_output=True, text=True).stdout
    assert left == ""
    with LaunchedEngine(tmp_path / "state") as again:
        assert {**again.facts, "base_url": ""} == {**facts, "base_url": ""}
        clock = requests.get(f"{again.base_url}/_local/clock", timeout=10).json()
        assert clock["offsetSeconds"] == 86_400
        again.settle()
        profile = f"{again.base_url}/v1/spaces/{facts['space_id']}/collections/users/profiles/user_id:front-2"
        events = requests.get(f"{profile}/events", auth=(facts["profile_token"], ""), timeout=10).json()
        assert [event["event"] for event in events["data"]] == ["Signed Up"]
