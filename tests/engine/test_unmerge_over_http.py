"""Undoing a bad merge over HTTP: both people get their traits and memberships back, and the tool hears of it."""

from pathlib import Path
from typing import Any

import pytest
import requests

from personas.local.launch import LaunchedEngine
from personas.local.sample import definitions

ORDERS = {"name": "Orders", "definition": {"type": "users", "query": "event('Order').count()"}}
BUYERS = {"name": "Buyers", "definition": {"query": "event('Order').count() >= 2"}}


class Client:
    def __init__(self, engine: LaunchedEngine) -> None:
        self.engine, facts = engine, engine.facts
        self.write_key = facts["write_key"]
        self.space = f"{engine.base_url}/spaces/{facts['space_id']}"
        self.reading = f"{engine.base_url}/v1/spaces/{facts['space_id']}/collections/users/profiles"
        self.token = facts["profile_token"]
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {facts['control_token']}"

    def send(self, *calls: dict[str, Any]) -> None:
        for call in calls:
            requests.post(
                f"{self.engine.base_url}/v1/batch", json={"batch": [call]}, auth=(self.write_key, "")
            ).raise_for_status()
            self.engine.settle(60)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        answer = self.http.request(method, self.space + path, json=body)
        assert answer.status_code == status, answer.text
        self.engine.settle(90)
        found: dict[str, Any] = answer.json()
        return found

    def profile_of(self, identifier: str) -> str:
        [profile] = self.ask("GET", f"/profiles?identifier={identifier}")["data"]["profiles"]
        return str(profile["id"])

    def read(self, identifier: str, what: str) -> Any:
        answer = requests.get(f"{self.reading}/{identifier}/{what}?limit=100", auth=(self.token, ""))
        answer.raise_for_status()
        return answer.json()

    def traits(self, identifier: str) -> dict[str, Any]:
        traits: dict[str, Any] = self.read(identifier, "traits")["traits"]
        return traits

    def events(self, identifier: str) -> list[str]:
        return sorted(event["message_id"] for event in self.read(identifier, "events")["data"])

    def told(self) -> list[tuple[str, Any]]:
        """Who entered or exited Buyers, in the order in which the tool heard of it."""
        sink = requests.get(f"{self.engine.base_url}/_local/sink", params={"limit": 10_000}, timeout=60).json()
        bodies = [request["body"] for request in sink["requests"]]
        return [
            (body.get("userId") or body.get("anonymousId"), body["event"])
            for body in bodies
            if body["type"] == "track" and str(body["event"]).startswith("Audience")
        ]


def order(message_id: str, **who: str) -> dict[str, Any]:
    return {"type": "track", "event": "Order", "messageId": message_id, **who}


@pytest.fixture
def client(tmp_path: Path) -> Any:
    with LaunchedEngine(tmp_path) as engine:
        yield Client(engine)


def test_a_bad_merge_is_undone_and_the_tool_hears_of_it(client: Client) -> None:
    client.ask("POST", "/destinations", definitions.webhook(f"{client.engine.base_url}/_local/sink"))
    client.ask("POST", "/computed-traits", ORDERS)
    client.ask("POST", "/audiences", BUYERS)
    ann, tablet = {"userId": "ann"}, {"anonymousId": "tablet"}
    client.send({"type": "identify", "traits": {"plan": "pro"}, **ann}, order("m1", **ann))
    client.send({"type": "identify", "traits": {"plan": "free"}, **tablet}, order("m2", **tablet))
    first, second = client.profile_of("user_id:ann"), client.profile_of("anonymous_id:tablet")
    client.send({"type": "identify", "messageId": "bridge", **ann, **tablet})
    assert client.profile_of("anonymous_id:tablet") == first
    assert (client.traits("user_id:ann")["orders"], client.traits("user_id:ann")["buyers"]) == (2, True)
    assert [event for _, event in client.told()] == ["Audience Entered"]

    [merge] = client.ask("GET", f"/profiles/{first}/graph")["data"]["graph"]["merges"]
    asked = {"mergeId": merge["id"]}
    refused = client.ask("POST", f"/profiles/{second}/unmerge", asked, 409)
    assert first in refused["errors"][0]["message"]
    begun = client.ask("POST", f"/profiles/{first}/unmerge", asked, 202)["data"]["unmerge"]
    assert (begun["profileId"], begun["otherProfileId"], begun["status"]) == (first, second, "RUNNING")
    done = client.ask("GET", f"/profiles/{first}/unmerges/{begun['id']}")["data"]["unmerge"]
    assert done["status"] == "FINISHED"
    assert client.ask("POST", f"/profiles/{first}/unmerge", asked, 202)["data"]["unmerge"] == done

    assert (client.profile_of("user_id:ann"), client.profile_of("anonymous_id:tablet")) == (first, second)
    of_ann, of_tablet = client.traits("user_id:ann"), client.traits("anonymous_id:tablet")
    assert (of_ann["orders"], of_ann["plan"], of_ann["buyers"]) == (1, "pro", False)
    assert (of_tablet["orders"], of_tablet["plan"]) == (1, "free")
    assert "m1" in client.events("user_id:ann")
    assert "m2" not in client.events("user_id:ann")
    assert "m2" in client.events("anonymous_id:tablet")
    assert "m1" not in client.events("anonymous_id:tablet")
    assert [event for _, event in client.told()].count("Audience Exited") >= 1

    asked = client.ask("POST", "/computed-traits/previews", ORDERS)["data"]["computedTraitPreview"]
    preview = client.ask("GET", f"/computed-traits/previews/{asked['id']}")["data"]["computedTraitPreview"]
    assert (preview["size"]["count"], preview["distribution"]["numbers"]["max"]) == (2, 1)

    client.send({"type": "identify", **ann, **tablet}, order("m3", **tablet), order("m4", **tablet))
    assert (client.profile_of("user_id:ann"), client.profile_of("anonymous_id:tablet")) == (first, second)
    assert client.traits("user_id:ann")["orders"] == 1
    assert client.traits("anonymous_id:tablet")["orders"] == 3
    graph = client.ask("GET", f"/profiles/{first}/graph")["data"]["graph"]
    assert [one["mergeId"] for one in graph["unmerges"]] == [merge["id"]]
    assert graph["merges"] == []


def test_an_identifier_is_taken_out_with_what_it_brought(client: Client) -> None:
    client.ask("POST", "/computed-traits", ORDERS)
    eve = {"userId": "eve", "anonymousId": "kiosk"}
    client.send({"type": "identify", **eve}, order("m1", userId="eve"), order("m2", anonymousId="kiosk"))
    profile = client.profile_of("user_id:eve")
    assert client.traits("user_id:eve")["orders"] == 2
    wanted = {"identifiers": [{"type": "anonymous_id", "value": "kiosk"}]}
    begun = client.ask("POST", f"/profiles/{profile}/unmerge", wanted, 202)["data"]["unmerge"]
    assert client.profile_of("anonymous_id:kiosk") == begun["otherProfileId"] != profile
    assert (client.traits("user_id:eve")["orders"], client.traits("anonymous_id:kiosk")["orders"]) == (1, 1)
    client.ask("POST", f"/profiles/{profile}/unmerge", wanted, 400)
    client.ask("POST", f"/profiles/{profile}/unmerge", {}, 400)
    client.ask("POST", "/profiles/use_x/unmerge", wanted, 404)


def test_a_merge_of_which_one_profile_has_left_is_listed_and_undone_by_its_id(client: Client) -> None:
    """Bob's email led to Cid when Bob was part of Ann; that Bob and Ann were one is undone first, then the other."""

    def call(**who: Any) -> dict[str, Any]:
        email = who.pop("email", None)
        return {"type": "identify", "traits": {"email": email} if email else {}, **who}

    client.ask("POST", "/computed-traits", ORDERS)
    for who in ("cid", "ann"):
        client.send(call(anonymousId=who), order(f"m_{who}", anonymousId=who))
    client.send(call(email="bob@example.com", anonymousId="bobs"), order("m_bob", anonymousId="bobs"))
    cid, ann, bob = (client.profile_of(f"anonymous_id:{who}") for who in ("cid", "ann", "bobs"))
    client.send(call(email="bob@example.com", anonymousId="ann"), call(email="bob@example.com", anonymousId="cid"))
    assert client.profile_of("anonymous_id:bobs") == cid
    assert client.traits("anonymous_id:cid")["orders"] == 3

    merges = client.ask("GET", f"/profiles/{cid}/graph")["data"]["graph"]["merges"]
    [earlier] = [one for one in merges if one["loser"] == bob]
    client.ask("POST", f"/profiles/{cid}/unmerge", {"mergeId": earlier["id"]}, 202)
    assert client.profile_of("anonymous_id:ann") == ann
    assert (client.traits("anonymous_id:cid")["orders"], client.traits("anonymous_id:ann")["orders"]) == (2, 1)

    assert client.ask("GET", f"/profiles/{ann}/graph")["data"]["graph"]["merges"] == []
    [left] = client.ask("GET", f"/profiles/{cid}/graph")["data"]["graph"]["merges"]
    client.ask("POST", f"/profiles/{ann}/unmerge", {"mergeId": left["id"]}, 404)
    client.ask("POST", f"/profiles/{cid}/unmerge", {"mergeId": left["id"]}, 202)
    assert [client.profile_of(f"anonymous_id:{who}") for who in ("cid", "ann", "bobs")] == [cid, ann, bob]
    assert [client.traits(f"anonymous_id:{who}")["orders"] for who in ("cid", "ann", "bobs")] == [1, 1, 1]
