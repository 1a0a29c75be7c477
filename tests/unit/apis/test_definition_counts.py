"""What a definition says of profiles: how many are in an audience, and of how many not everything could be kept."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.changes import handler as changes
from personas.core.compute import monoids
from personas.core.moments import DAY, iso
from tests.unit.apis.change_streams import changes_of
from tests.unit.apis.conftest import WORKSPACE_TOKEN, Function, MovableClock, Pipeline, basic, bring_into_force


class Shop:
    def __init__(self, function: Callable[..., Function], pipeline: Pipeline, moment: MovableClock) -> None:
        self._control, self._ingest = function("control_api", f"Bearer {WORKSPACE_TOKEN}"), function("ingest")
        self._pipeline, self._moment, self._seen = pipeline, moment, {}
        self.at = f"/spaces/{self._made('/spaces', {'name': 'Shop'}, 'space')['id']}"
        self._key = self._made(f"{self.at}/sources", {"name": "web"}, "source")["writeKeys"][0]

    def _made(self, path: str, body: Any, name: str) -> Any:
        return self._control("POST", path, body).body["data"][name]

    def define(self, kind: str, name: str, query: str) -> None:
        reply = self._control("POST", f"{self.at}/{kind}", {"name": name, "definition": {"query": query}})
        assert reply.status == 200, reply.body
        bring_into_force(self.at.removeprefix("/spaces/"))

    def view(self, user: str, *pages: str) -> None:
        calls = [
            {
                "type": "track",
                "userId": user,
                "event": "Seen",
                "messageId": f"{user} {page} {self._moment.ms}",
                "timestamp": iso(self._moment.ms),
                "properties": {"page": page},
            }
            for page in pages
        ]
        reply = self._ingest("POST", "/v1/batch", {"batch": calls}, authorization=basic(self._key))
        assert reply.status == 200, reply.body
        self._pipeline.run()
        found, self._seen = changes_of("PROFILES_TABLE", self._seen, self._moment.ms)
        profiles = [change for change in found if change["Keys"]["sk"]["S"] == "profile"]
        changes.handle({"Records": [{"dynamodb": change} for change in profiles]}, None)

    def counted(self) -> dict[str, Any]:
        """By key, of how many profiles not everything could be kept; of an audience its size before that."""
        found: dict[str, Any] = {}
        for kind, name in (("computed-traits", "computedTraits"), ("audiences", "audiences")):
            for listed in self._control("GET", f"{self.at}/{kind}").body["data"][name]:
                single = self._control("GET", f"{self.at}/{kind}/{listed['id']}").body["data"]
                assert list(single.values()) == [listed]
                size = (listed["size"]["count"], listed["size"]["type"]) if "size" in listed else ()
                found[listed["key"]] = (*size, listed["capped"]["count"])
        return found


@pytest.fixture
def shop(
    function: Callable[..., Function], pipeline: Pipeline, moment: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    monkeypatch.setattr(monoids, "LARGEST", 2)
    return Shop(function, pipeline, moment)


def test_a_definition_says_of_how_many_profiles_not_everything_could_be_kept(shop: Shop, moment: MovableClock) -> None:
    shop.define("computed-traits", "lately", "event('Seen').within(2 days).unique(property('page'))")
    shop.define("computed-traits", "calls", "event('Seen').count()")
    shop.define("audiences", "many", "event('Seen').unique(property('page')).count() >= 2")
    assert shop.counted() == {"lately": (0,), "calls": (0,), "many": (0, "USERS", 0)}
    shop.view("u1", "c", "a", "b")
    shop.view("u2", "c", "a")
    assert shop.counted() == {"lately": (1,), "calls": (0,), "many": (2, "USERS", 1)}
    shop.view("u2", "b")
    assert shop.counted() == {"lately": (2,), "calls": (0,), "many": (2, "USERS", 2)}
    moment.advance(3 * DAY)
    shop.view("u1", "a")
    assert shop.counted() == {"lately": (1,), "calls": (0,), "many": (2, "USERS", 2)}
