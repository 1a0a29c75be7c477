"""A space that is deleted on the engine: profiles, graph and archive are gone after the next hourly run."""

from pathlib import Path

import requests

from personas.local.launch import LaunchedEngine

PEOPLE = 20


def test_nothing_is_left_of_a_space_an_hour_after_it_was_deleted(tmp_path: Path) -> None:
    with LaunchedEngine(tmp_path) as engine:
        facts, url = engine.facts, engine.base_url
        control = requests.Session()
        control.headers["Authorization"] = f"Bearer {facts['control_token']}"
        batch = [
            {"type": "track", "event": "Visit", "userId": f"u{number}", "anonymousId": f"a{number}"}
            for number in range(PEOPLE)
        ]
        sent = requests.post(f"{url}/v1/batch", json={"batch": batch}, auth=(facts["write_key"], ""))
        sent.raise_for_status()
        engine.settle(60)
        receipt = control.delete(f"{url}/spaces/{facts['space_id']}").json()["data"]["receipt"]
        assert receipt["finishedAt"] is None
        requests.post(f"{url}/_local/clock", json={"advanceSeconds": 2 * 3600}).raise_for_status()
        engine.settle(60)
        receipt = control.get(f"{url}/deleted-spaces/{facts['space_id']}").json()["data"]["receipt"]
    assert receipt["pending"] == []
    assert receipt["purged"]["profiles"] >= 2 * PEOPLE
    assert receipt["purged"]["identity"] >= 4 * PEOPLE
    assert receipt["purged"]["archive"] >= 1
