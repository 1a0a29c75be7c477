"""Every place of docs/rules.md, "Identifiers", is read, and nothing else is. The cases are data."""

import json
from pathlib import Path

import pytest

from personas.core.event import Event
from personas.core.identity.extraction import extract
from personas.core.identity.rules import Rules

CASES = json.loads((Path(__file__).parent / "cases" / "extraction.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_identifiers_of(case) -> None:
    custom = [kind if isinstance(kind, dict) else {"type": kind} for kind in case.get("custom", [])]
    rules = Rules.of_data({"identifiers": [*Rules.default().to_data()["identifiers"], *custom]})
    event = Event("sp1", "src1", at=0, received=0, body={"type": "track", "messageId": "m", **case["event"]})
    found = extract(rules, event)
    assert [f"{one.type}:{one.value}" for one in found.users] == case.get("users", [])
    assert [f"{one.type}:{one.value}" for one in found.accounts] == case.get("accounts", [])
    assert {one.collection for one in found.users} <= {"users"}
    assert {one.collection for one in found.accounts} <= {"accounts"}
