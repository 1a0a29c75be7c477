"""A dry run of identity rules over HTTP: events in, other rules asked about, the workflow run, the report read."""

from pathlib import Path
from typing import Any

import requests

from personas.local.launch import LaunchedEngine

LOOSE = {"identifiers": [{"type": "user_id", "limit": 2}, {"type": "email"}, {"type": "anonymous_id"}]}


class Client:
    def __init__(self, engine: LaunchedEngine) -> None:
        self.engine, facts = engine, engine.facts
        self.write_key = facts["write_key"]
        self.at = f"{engine.base_url}/spaces/{facts['space_id']}"
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {facts['control_token']}"

    def send(self, **call: Any) -> None:
        requests.post(
            f"{self.engine.base_url}/v1/batch", json={"batch": [call]}, auth=(self.write_key, "")
        ).raise_for_status()
        self.engine.settle(60)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(self.at + path)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()["data"]
        return found

    def profile_of(self, identifier: str) -> str:
        [profile] = self.get(f"/profiles?identifier={identifier}")["profiles"]
        return str(profile["id"])


def test_what_a_simulation_foretells_is_what_the_rules_then_do(tmp_path: Path) -> None:
    with LaunchedEngine(tmp_path) as engine:
        client = Client(engine)
        client.send(type="identify", userId="ann", traits={"email": "home@example.com"})
        client.send(type="identify", userId="bob", traits={"email": "home@example.com"})
        ann, bob = client.profile_of("user_id:ann"), client.profile_of("user_id:bob")
        assert ann != bob
        begun = client.http.post(f"{client.at}/identity-resolution/simulations", json=LOOSE)
        begun.raise_for_status()
        engine.settle(60)
        simulation = client.get(f"/identity-resolution/simulations/{begun.json()['data']['simulation']['id']}")[
            "simulation"
        ]
        assert (simulation["status"], simulation["reason"]) == ("FINISHED", None)
        [merged] = simulation["report"]["merged"]
        assert {part["profileId"] for part in merged["madeOf"]} == {ann, bob}
        assert simulation["report"]["users"]["mergesGained"] == 1
        assert (client.profile_of("user_id:ann"), client.profile_of("user_id:bob")) == (ann, bob)
        client.http.put(f"{client.at}/identity-resolution", json=LOOSE).raise_for_status()
        client.send(type="identify", userId="bob", traits={"email": "home@example.com"})
        assert client.profile_of("user_id:bob") == client.profile_of("user_id:ann") == ann
