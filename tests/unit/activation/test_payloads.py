"""What tools receive, case by case (cases/payloads.json)."""

import json
from pathlib import Path
from typing import Any

import pytest

from personas.core.activation.change import Change, Computation
from personas.core.activation.payloads import calls

CASES = json.loads((Path(__file__).parent / "cases" / "payloads.json").read_text())
PERSONAS = {"namespace": "shop", "space_id": "spa_1"}


def _change(case: dict[str, Any], version: int = 7) -> Change:
    return Change(
        space="spa_1",
        profile="use_1",
        computation=Computation(*case["computation"]),
        version=version,
        value=case["value"],
        at=1_767_225_600_000,
        identifiers={type_: tuple(values) for type_, values in case["identifiers"].items()},
        collection=case.get("collection", "users"),
        only=tuple((type_, value) for type_, value in case["only"]) if "only" in case else None,
    )


def _essence(call: dict[str, Any]) -> dict[str, Any]:
    """Without what every call has, with the context's own parts flattened beside the rest."""
    shown = {name: value for name, value in call.items() if name not in ("context", "messageId", "timestamp")}
    parts = {f"context.{name}": value for name, value in call["context"].items() if name != "personas"}
    return {**shown, **parts}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_tool_receives(case: dict[str, Any]) -> None:
    sent = calls(_change(case), "shop")
    assert [_essence(call) for call in sent] == case["calls"]
    id_, key, kind = case["computation"]
    told = {"computation_class": "audience" if kind == "audience" else "trait", "computation_id": id_}
    for call in sent:
        assert call["context"]["personas"] == {**told, "computation_key": key, **PERSONAS}
        assert call["timestamp"] == "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_message_ids_tell_calls_apart_and_repeat_with_what_changed(case: dict[str, Any]) -> None:
    ids = [call["messageId"] for call in calls(_change(case), "shop")]
    assert len(set(ids)) == len(ids)
    assert ids == [call["messageId"] for call in calls(_change(case), "shop")]
    assert not set(ids) & {call["messageId"] for call in calls(_change(case, version=8), "shop")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_change_survives_the_outbox(case: dict[str, Any]) -> None:
    change = _change(case)
    assert Change.of_data(change.space, change.profile, json.loads(json.dumps(change.to_data()))) == change
