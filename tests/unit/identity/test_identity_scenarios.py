"""The shared scenarios, as far as they are about identity, over the real handler and stores."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from personas.core.identity.rules import Rules
from personas.core.moments import DAY, HOUR, MINUTE, SECOND
from personas.stores import graph
from tests.unit.identity import identity_world as world

FILES = sorted((Path(__file__).parents[2] / "scenarios" / "identity").glob("*.json"))
UNITS = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_identity_of(path: Path, cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = json.loads(path.read_text())
    world.make_space(rules=rules_of(scenario.get("setup", {}).get("identifiers", [])))
    now = world.NOW
    for step in scenario["steps"]:
        now += 1
        world.stand_still(monkeypatch, now)
        if "send" in step:
            calls = step["send"] if isinstance(step["send"], list) else [step["send"]]
            at = now - ms(step["ago"]) if "ago" in step else now
            world.send(*[world.event(call, at=at, received=now) for call in calls])
        elif "advance" in step:
            now += ms(step["advance"])
        elif "expect" in step:
            check(step["expect"])


def rules_of(named: list[dict[str, Any]]) -> Rules:
    """The named types replace those of the space; the rest keep their order behind them where priorities collide."""
    types = {rule["type"] for rule in named}
    rest = [rule for rule in Rules.default().to_data()["identifiers"] if rule["type"] not in types]
    merged = sorted([*named, *rest], key=lambda rule: (rule["priority"], rule["type"] not in types))
    return Rules.of_data({"identifiers": [{**rule, "priority": place} for place, rule in enumerate(merged, 1)]})


def ms(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+) (\w+?)s?", duration).groups()
    return int(number) * UNITS[unit]


def find(identifier: str, collection: str) -> str | None:
    return graph.find_profile("sp1", collection, *identifier.split(":", 1))


def check(want: dict[str, Any]) -> None:
    collection = want.get("collection", "users")
    own = find(want["profile"], collection)
    assert (own is not None) == want.get("exists", True), want["profile"]
    if own is None:
        return
    held = world.ids_of("sp1", own)
    for kind, values in want.get("external_ids", {}).items():
        assert [one for one in held if one.startswith(f"{kind}:")] == sorted(f"{kind}:{value}" for value in values)
    for other in want.get("same_as", []):
        assert find(other, collection) == own, other
    for other in want.get("not_same_as", []):
        assert find(other, collection) != own, other
    if "events" in want:
        tracks = [one.event for one in world.resolved() if one.event.type == "track"]
        mine = [one for one in world.resolved() if one.event in tracks and graph.current("sp1", one.profile) == own]
        assert [one.event.name for one in sorted(mine, key=lambda one: one.event.at)] == want["events"]
