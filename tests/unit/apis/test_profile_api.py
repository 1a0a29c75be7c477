"""The Profile API and the Profile Explorer over what the real pipeline made of real calls."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest

from personas import profiles_stream
from personas.core.compute import monoids
from personas.core.envelope import LinkEnvelope
from personas.core.moments import DAY, MINUTE, iso
from personas.stores import graph
from tests.unit.apis.conftest import (
    NOW,
    WORKSPACE_TOKEN,
    Function,
    MovableClock,
    Pipeline,
    Reply,
    basic,
    bring_into_force,
)

USERS = "collections/users/profiles"


class Shop:
    """A space with a source, a token and the functions around it."""

    def __init__(self, function: Callable[..., Function], pipeline: Pipeline) -> None:
        self.control = function("control_api", f"Bearer {WORKSPACE_TOKEN}")
        self.ingest, self.profile_api, self.pipeline = function("ingest"), function("profile_api"), pipeline
        self.space = self._post("/spaces", {"name": "Shop"}, "space")["id"]
        at = f"/spaces/{self.space}"
        self.key = self._post(f"{at}/sources", {"name": "web"}, "source")["writeKeys"][0]
        self.token = self._post(f"{at}/access-tokens", {"name": "app"}, "token")["secret"]

    def _post(self, path: str, body: Any, name: str) -> Any:
        return self.control("POST", path, body).body["data"][name]

    def define(self, kind: str, name: str, query: str) -> None:
        reply = self.control("POST", f"/spaces/{self.space}/{kind}", {"name": name, "definition": {"query": query}})
        assert reply.status == 200, reply.body
        bring_into_force(self.space)

    def send(self, *calls: dict[str, Any]) -> None:
        reply = self.ingest("POST", "/v1/batch", {"batch": list(calls)}, authorization=basic(self.key))
        assert reply.status == 200, reply.body
        self.pipeline.run()

    def get(self, path: str, **headers: str) -> Reply:
        headers = {"authorization": basic(self.token), **headers}
        return self.profile_api("GET", f"/v1/spaces/{self.space}/{path}", **headers)


@pytest.fixture
def shop(function: Callable[..., Function], pipeline: Pipeline) -> Shop:
    return Shop(function, pipeline)


def track(number: int, **more: Any) -> dict[str, Any]:
    at = iso(NOW - (10 - number) * MINUTE)
    return {"type": "track", "userId": "u1", "event": f"E{number}", "messageId": f"m{number}", "timestamp": at, **more}


def identify(**traits: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": "u1", "anonymousId": "a1", "messageId": "mi", "traits": traits}


# who may read


def test_a_token_opens_its_own_space_only(shop: Shop) -> None:
    shop.send(identify(plan="pro"))
    path = f"{USERS}/user_id:u1/traits"
    assert shop.get(path).status == 200
    assert shop.profile_api("GET", f"/v1/spaces/shop/{path}", authorization=basic(shop.token)).status == 200
    for authorization in ("", basic("wrong"), f"Bearer {shop.token}"):
        reply = shop.get(path, authorization=authorization)
        assert (reply.status, reply.body["error"]["code"]) == (401, "authentication_error")
    other = shop.control("POST", "/spaces", {"name": "Other"}).body["data"]["space"]["id"]
    token = shop.control("POST", f"/spaces/{other}/access-tokens", {"name": "x"}).body["data"]["token"]["secret"]
    foreign = shop.get(path, authorization=basic(token))
    unknown = shop.profile_api("GET", f"/v1/spaces/nowhere/{path}", authorization=basic(token))
    assert (foreign.status, foreign.body) == (unknown.status, unknown.body)
    assert foreign.status == 403


def test_every_answer_has_a_request_id(shop: Shop) -> None:
    assert shop.get(f"{USERS}/user_id:u1/traits").headers["request-id"] == "req-1"
    assert shop.get(f"{USERS}/user_id:u1/traits", authorization="").headers["request-id"] == "req-1"


@pytest.mark.parametrize("part", ["traits", "external_ids", "events", "metadata", "links"])
def test_nobody_is_not_found(shop: Shop, part: str) -> None:
    reply = shop.get(f"{USERS}/user_id:nobody/{part}")
    assert (reply.status, reply.body) == (404, {"error": {"code": "not_found", "message": "Profile was not found."}})


@pytest.mark.parametrize(
    "path",
    [
        "collections/robots/profiles/user_id:u1/traits",
        f"{USERS}/u1/traits",
        f"{USERS}/user_id:/traits",
        f"{USERS}/user_id:u1/traits?limit=0",
        f"{USERS}/user_id:u1/traits?limit=201",
        f"{USERS}/user_id:u1/traits?class=other",
        f"{USERS}/user_id:u1/events?sort=up",
        f"{USERS}/user_id:u1/events?start=yesterday",
    ],
)
def test_what_cannot_be_read_is_said(shop: Shop, path: str) -> None:
    shop.send(identify(plan="pro"))
    reply = shop.get(path)
    assert reply.status == 400
    assert reply.body["error"]["code"] in ("validation_error", "invalid_request_error")


@pytest.mark.parametrize("value", ["a:b", "a/b/traits", "a b", "50%25", "ü+1"])
def test_an_identifier_may_hold_any_character(shop: Shop, value: str) -> None:
    shop.send({**identify(plan="pro"), "userId": value})
    body = shop.get(f"{USERS}/user_id:{value}/traits").body
    assert body["traits"] == {"plan": "pro"}
    assert unquote(body["cursor"]["url"]) == f"/v1/spaces/{shop.space}/{USERS}/user_id:{value}/traits"
    found = shop.control("GET", f"/spaces/{shop.space}/profiles?identifier={quote('user_id:' + value)}")
    assert len(found.body["data"]["profiles"]) == 1


# traits


def test_traits_with_their_classes(shop: Shop) -> None:
    shop.define("computed-traits", "Steps", "event('E1').count()")
    shop.define("audiences", "Walkers", "event('E1').count() >= 1")
    shop.send(track(1), identify(plan="pro", seats=0))
    at = f"{USERS}/user_id:u1/traits"
    assert shop.get(at).body["traits"] == {"plan": "pro", "seats": 0, "steps": 1, "walkers": True}
    assert shop.get(f"{at}?class=audience").body["traits"] == {"walkers": True}
    assert shop.get(f"{at}?class=computed_trait").body["traits"] == {"steps": 1}
    assert shop.get(f"{at}?include=plan,steps,nothing").body["traits"] == {"plan": "pro", "steps": 1}
    verbose = shop.get(f"{at}?verbose=true&include=plan").body["traits"]["plan"]
    assert (verbose["value"], verbose["updated_at"]) == ("pro", iso(NOW))
    assert verbose["source_id"].startswith("src_")


def test_a_value_for_which_not_everything_could_be_kept_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monoids, "LARGEST", 2)
    shop.define("computed-traits", "all", "event('E1').unique(property('p'))")
    shop.define("computed-traits", "calls", "event('E1').count()")
    shop.define("audiences", "many", "event('E1').unique(property('p')).count() >= 2")
    shop.send(*[track(1, properties={"p": value}) | {"messageId": value} for value in ("c", "a", "b")])
    traits = shop.get(f"{USERS}/user_id:u1/traits?verbose=true").body["traits"]
    assert {key: (trait["value"], trait.get("capped", False)) for key, trait in traits.items()} == {
        "all": (["a", "b"], True),
        "calls": (3, False),
        "many": (True, True),
    }
    profile = graph.find_profile(shop.space, "users", "user_id", "u1")
    shown = shop.control("GET", f"/spaces/{shop.space}/profiles/{profile}").body["data"]["profile"]
    assert {key for key, trait in shown["traits"].items() if trait.get("capped")} == {"all"}
    assert [entry["capped"] for entry in shown["memberships"]] == [True]


def test_traits_come_ten_at_a_time(shop: Shop) -> None:
    shop.send(identify(**{f"k{number:02d}": number for number in range(25)}))
    seen: dict[str, int] = {}
    following = ""
    for size in (10, 10, 5):
        body = shop.get(f"{USERS}/user_id:u1/traits?next={following}").body
        assert len(body["traits"]) == size
        assert body["cursor"]["limit"] == 10
        assert body["cursor"]["has_more"] is (size == 10)
        following = body["cursor"]["next"]
        seen |= body["traits"]
    assert len(seen) == 25
    assert following == ""


def test_windows_are_read_as_of_now(shop: Shop, moment: MovableClock) -> None:
    shop.define("audiences", "Active", "event('E1').within(7 days).count() >= 1")
    shop.send(track(1))
    at = f"{USERS}/user_id:u1/traits?include=active"
    assert shop.get(at).body["traits"] == {"active": True}
    moment.advance(8 * DAY)
    assert shop.get(at).body["traits"] == {"active": False}


# external ids, events, metadata, links


def test_external_ids_with_where_they_come_from(shop: Shop) -> None:
    shop.send(identify(email="a@example.com"))
    body = shop.get(f"{USERS}/email:a@example.com/external_ids").body
    assert {(entry["type"], entry["id"]) for entry in body["data"]} == {
        ("user_id", "u1"),
        ("anonymous_id", "a1"),
        ("email", "a@example.com"),
    }
    entry = body["data"][0]
    assert (entry["collection"], entry["encoding"], entry["first_message_id"]) == ("users", "none", "mi")
    assert entry["created_at"] == iso(NOW)
    only = shop.get(f"{USERS}/user_id:u1/external_ids?include=email&limit=1").body["data"]
    assert [entry["id"] for entry in only] == ["a@example.com"]
    first = shop.get(f"{USERS}/user_id:u1/external_ids?limit=2").body
    rest = shop.get(f"{USERS}/user_id:u1/external_ids?limit=2&next={quote(first['cursor']['next'])}").body
    assert (len(first["data"]), len(rest["data"]), rest["cursor"]["has_more"]) == (2, 1, False)


def test_events_newest_first_and_in_pages(shop: Shop) -> None:
    shop.send(*(track(number) for number in range(5)))
    at = f"{USERS}/user_id:u1/events"

    def names(query: str) -> list[str]:
        found, following = [], ""
        while True:
            body = shop.get(f"{at}?limit=2&{query}&next={following}").body
            found += [entry["event"] for entry in body["data"]]
            following = quote(body["cursor"]["next"])
            if not body["cursor"]["has_more"]:
                return found

    assert names("") == ["E4", "E3", "E2", "E1", "E0"]
    assert names("sort=asc") == ["E0", "E1", "E2", "E3", "E4"]
    assert names("include=E1,E2") == ["E2", "E1"]
    assert names("exclude=E1,E2") == ["E4", "E3", "E0"]
    assert names(f"start={iso(NOW - 8 * MINUTE)}&end={iso(NOW - 6 * MINUTE)}") == ["E3", "E2"]


def test_an_event_as_segment_shows_it(shop: Shop) -> None:
    shop.send(track(1, anonymousId="a1", properties={"price": 3}, context={"locale": "en"}))
    [entry] = shop.get(f"{USERS}/user_id:u1/events").body["data"]
    assert {(one["type"], one["id"]) for one in entry["external_ids"]} == {("user_id", "u1"), ("anonymous_id", "a1")}
    del entry["external_ids"], entry["related"], entry["source_id"]
    assert entry == {
        "type": "track",
        "event": "E1",
        "message_id": "m1",
        "timestamp": iso(NOW - 9 * MINUTE),
        "properties": {"price": 3},
        "context": {"locale": "en"},
    }


def test_events_go_back_fourteen_days(shop: Shop, moment: MovableClock) -> None:
    shop.send(track(1), track(2, timestamp=iso(NOW - 15 * DAY)))
    assert [entry["event"] for entry in shop.get(f"{USERS}/user_id:u1/events").body["data"]] == ["E1"]
    moment.advance(14 * DAY)
    assert shop.get(f"{USERS}/user_id:u1/events").body["data"] == []


def test_metadata_names_the_first_and_the_last_message(shop: Shop, moment: MovableClock) -> None:
    shop.send(track(1))
    moment.advance(MINUTE)
    shop.send(track(2))
    metadata = shop.get(f"{USERS}/user_id:u1/metadata").body["metadata"]
    assert (metadata["first_message_id"], metadata["last_message_id"]) == ("m1", "m2")
    assert (metadata["created_at"], metadata["updated_at"]) == (iso(NOW), iso(NOW + MINUTE))
    assert metadata["expires_at"] is None


def test_a_group_call_makes_an_account_that_is_linked(shop: Shop) -> None:
    shop.send({"type": "group", "userId": "u1", "groupId": "g1", "messageId": "mg", "traits": {"plan": "paid"}})
    [link] = shop.get(f"{USERS}/user_id:u1/links").body["data"]
    assert link["to_collection"] == "accounts"
    assert [(one["type"], one["id"]) for one in link["external_ids"]] == [("group_id", "g1")]
    account = shop.get("collections/accounts/profiles/group_id:g1/traits").body
    assert account["traits"] == {"plan": "paid"}


def test_the_users_of_an_account_are_listed_page_by_page(shop: Shop) -> None:
    for n in range(5):
        shop.send({"type": "group", "userId": f"u{n}", "groupId": "g1", "messageId": f"g{n}"})
    space, account = shop.space, "collections/accounts/profiles/group_id:g1/links"
    of = graph.find_profile(space, "accounts", "group_id", "g1")
    assert of
    users = [graph.find_profile(space, "users", "user_id", f"u{n}") for n in range(5)]
    assert shop.get(account).body["data"] == []
    # What `changes` says of profiles that were written: all are members, and the last one is not any more.
    profiles_stream.send(LinkEnvelope(space, of, user, 1, {}) for user in users if user)
    profiles_stream.send([LinkEnvelope(space, of, users[4] or "", 2, None)])
    shop.pipeline.run()
    found: list[str] = []
    path = f"{account}?limit=3"
    for length in (3, 1):
        answer = shop.get(path).body
        assert len(answer["data"]) == length
        assert {link["to_collection"] for link in answer["data"]} == {"users"}
        found += [one["id"] for link in answer["data"] for one in link["external_ids"]]
        path = f"{account}?limit=3&next={answer['cursor']['next']}"
    assert answer["cursor"]["has_more"] is False
    assert sorted(found) == ["u0", "u1", "u2", "u3"]


# the Profile Explorer


def test_the_explorer_finds_and_shows_a_whole_profile(shop: Shop) -> None:
    shop.define("audiences", "Walkers", "event('E1').count() >= 1")
    shop.send(track(1), identify(plan="pro"))
    at = f"/spaces/{shop.space}/profiles"
    [found] = shop.control("GET", f"{at}?identifier=anonymous_id:a1").body["data"]["profiles"]
    assert shop.control("GET", f"{at}?search=u1").body["data"]["profiles"] == [found]
    assert shop.control("GET", f"{at}?search={found['id']}").body["data"]["profiles"] == [found]
    assert shop.control("GET", f"{at}?identifier=user_id:nobody").body["data"]["profiles"] == []
    profile = shop.control("GET", f"{at}/{found['id']}").body["data"]["profile"]
    assert profile["traits"]["plan"]["value"] == "pro"
    assert profile["traits"]["plan"]["class"] == "custom"
    assert [(one["key"], one["member"]) for one in profile["memberships"]] == [("walkers", True)]
    assert {(one["type"], one["value"]) for one in profile["identifiers"]} == {
        ("user_id", "u1"),
        ("anonymous_id", "a1"),
    }
    assert profile["merges"] == []
    assert shop.control("GET", f"{at}/use_nobody").status == 404
    assert shop.control("GET", at).status == 400


def test_the_explorer_shows_merges(shop: Shop) -> None:
    shop.send(track(1, userId=None, anonymousId="a1"))
    shop.send(track(2))
    shop.send(identify(plan="pro"))
    at = f"/spaces/{shop.space}/profiles"
    [found] = shop.control("GET", f"{at}?identifier=user_id:u1").body["data"]["profiles"]
    assert shop.control("GET", f"{at}?identifier=anonymous_id:a1").body["data"]["profiles"] == [found]
    [merge] = shop.control("GET", f"{at}/{found['id']}").body["data"]["profile"]["merges"]
    assert (merge["survivor"], merge["messageId"]) == (found["id"], "mi")
    assert shop.get(f"{USERS}/user_id:u1/external_ids").body["data"]
