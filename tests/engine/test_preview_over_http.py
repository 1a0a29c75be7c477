"""What a preview says on the engine is what the audience has once it is saved, merges and accounts included."""

from pathlib import Path
from typing import Any

import requests

from personas.local.launch import LaunchedEngine

PEOPLE = 30
QUERY = (
    "event('Order Completed').where(property('revenue') >= 20).within(30 days).count() >= 2 OR trait('plan') = 'pro'"
)
ACCOUNTS_QUERY = "event('Order Completed').sum(property('revenue')) >= 100"
ALL_QUERY = "ALL (event('Order Completed').count() >= 1)"


def events() -> list[dict[str, Any]]:
    """Of person n: n % 4 orders while anonymous, then they sign in, which merges; every third is pro; ten accounts."""
    batch: list[dict[str, Any]] = []
    for number in range(PEOPLE):
        for place in range(number % 4):
            batch.append(
                {
                    "type": "track",
                    "anonymousId": f"a{number}-{place}",
                    "event": "Order Completed",
                    "properties": {"revenue": 10 * (number % 5)},
                }
            )
        traits = {"plan": "pro" if number % 3 == 0 else "free", "email": f"u{number}@example.com"}
        batch += [
            {"type": "identify", "anonymousId": f"a{number}-{place}", "userId": f"u{number}", "traits": traits}
            for place in range(max(1, number % 4))
        ]
        batch.append({"type": "group", "userId": f"u{number}", "groupId": f"g{number % 10}"})
    return batch


def is_member(number: int) -> bool:
    return number % 3 == 0 or (number % 4 >= 2 and 10 * (number % 5) >= 20)


def test_a_preview_has_the_size_that_the_saved_audience_has(tmp_path: Path) -> None:
    with LaunchedEngine(tmp_path) as engine:
        facts = engine.facts
        control = Control(engine)
        sent = requests.post(f"{engine.base_url}/v1/batch", json={"batch": events()}, auth=(facts["write_key"], ""))
        sent.raise_for_status()
        engine.settle(90)
        pro = control.create("audiences", name="Pro", definition={"query": "trait('plan') = 'pro'"})
        engine.settle(90)
        preview = control.preview("audiences", definition={"query": QUERY}, overlapWith=pro["id"])
        expected = [number for number in range(PEOPLE) if is_member(number)]
        assert preview["size"] == {"count": len(expected), "type": "USERS"}
        assert {"type": "user_id", "count": len(expected), "uniqueCount": len(expected)} in preview["identifiers"]
        assert preview["overlap"]["size"] == {"count": PEOPLE // 3}
        assert preview["overlap"]["count"] == PEOPLE // 3
        shown = {one["value"] for entry in preview["results"] for one in entry["identifiers"]}
        assert {f"u{number}" for number in expected} <= shown
        assert f"u{next(number for number in range(PEOPLE) if number not in expected)}" not in shown

        accounts = control.preview("audiences", definition={"query": ACCOUNTS_QUERY}, audienceType="ACCOUNTS")
        revenue = {group: sum(10 * (n % 5) * (n % 4) for n in range(PEOPLE) if n % 10 == group) for group in range(10)}
        rich = [group for group, total in revenue.items() if total >= 100]
        assert rich == [3, 7, 9]
        assert accounts["size"] == {"count": len(rich), "type": "ACCOUNTS"}

        ordered = [group for group in range(10) if all(n % 4 for n in range(PEOPLE) if n % 10 == group)]
        every = control.preview("audiences", definition={"query": ALL_QUERY}, audienceType="ACCOUNTS")
        assert every["size"] == {"count": len(ordered), "type": "ACCOUNTS"}
        ids = {one["value"] for entry in every["results"] for one in entry["identifiers"]}
        assert ids == {f"g{group}" for group in ordered}

        orders = "event('Order Completed').count()"
        trait = control.preview("computed-traits", definition={"query": orders, "type": "users"})
        assert trait["size"]["count"] == sum(number % 4 > 0 for number in range(PEOPLE))
        assert trait["distribution"]["numbers"]["max"] == 3

        control.create("audiences", name="Saved", definition={"query": QUERY})
        control.create("audiences", name="Rich", definition={"query": ACCOUNTS_QUERY}, audienceType="ACCOUNTS")
        engine.settle(90)
        members = [control.holds("users", f"user_id:u{number}", "saved") for number in range(PEOPLE)]
        assert sum(members) == preview["size"]["count"]
        of_accounts = [control.holds("accounts", f"group_id:g{group}", "rich") for group in range(10)]
        assert sum(of_accounts) == accounts["size"]["count"]

        of_rich = control.preview("audiences", definition={"query": "trait('rich') = 'true'"})
        assert of_rich["size"]["count"] == sum(number % 10 in rich for number in range(PEOPLE))


class Control:
    def __init__(self, engine: LaunchedEngine) -> None:
        self.engine, self.facts = engine, engine.facts
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.facts['control_token']}"

    def create(self, path: str, **body: Any) -> dict[str, Any]:
        return self._call("POST", path, body)

    def preview(self, path: str, **body: Any) -> dict[str, Any]:
        """Once it is worked out."""
        asked = self._call("POST", f"{path}/previews", body)
        self.engine.settle(90)
        shown = self._call("GET", f"{path}/previews/{asked['id']}")
        assert shown["status"] == "COMPLETED", shown
        return shown

    def holds(self, collection: str, profile: str, key: str) -> bool:
        path = f"/v1/spaces/{self.facts['space_id']}/collections/{collection}/profiles/{profile}/traits"
        answer = requests.get(
            f"{self.engine.base_url}{path}",
            params={"class": "audience", "include": key},
            auth=(self.facts["profile_token"], ""),
        )
        answer.raise_for_status()
        return answer.json()["traits"].get(key) is True

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        url = f"{self.engine.base_url}/spaces/{self.facts['space_id']}/{path}"
        answer = self.session.request(method, url, json=body)
        assert answer.ok, answer.text
        [found] = answer.json()["data"].values()
        return dict(found)
