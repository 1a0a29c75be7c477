"""The engine is stopped in the middle of its work and started again: it goes on, and the totals come out equal."""

import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from personas.core.query.definition import key_of
from personas.local import demo
from personas.local.launch import LaunchedEngine
from personas.local.provision import emulated_client
from personas.local.sample.definitions import AUDIENCES, COMPUTED_TRAITS
from personas.local.sample.player import Player
from personas.local.sample.shop import Call, calls, rows, shift
from personas.stores.profiles import of_image

CHANGES = "changes"
CALLS = 6_000
LAST = 100
"""Sent while `changes` fails."""
FAILURES = 10
"""As many as a batch has retries, so that none is given up, however long it takes until the stop."""
KEYS = {key_of(name) for name in (*COMPUTED_TRAITS, *AUDIENCES)}


@pytest.mark.timeout(1_800)  # as long as a busy machine needs: each wait below has a bound of its own
def test_a_stop_in_the_middle_of_the_sample_changes_no_total(tmp_path: Path) -> None:
    log = rows()
    sample = list(calls(log))[-CALLS:]
    moved = shift(log, datetime.now(UTC))
    engine = LaunchedEngine(tmp_path / "state")
    with engine:
        demo.define(engine.base_url, engine.facts["control_token"], engine.facts["space_id"])
        _play_and_stop(engine, sample, moved, tmp_path / "position.json")
    with engine:
        _player(engine, moved, tmp_path / "position.json").play(sample[: CALLS - LAST], lambda _: None)
        engine.settle(600)
        # Between the write of a profile and what `changes` makes of it: changes waits for more to come, then fails,
        # which bisects its batches, and is not invoked any more until the engine is stopped.
        _faults(engine, {CHANGES: {"fail": {"times": FAILURES, "when": "before"}, "throttle": {}}})
        _player(engine, moved, tmp_path / "position.json").play(sample, lambda _: None)
        _until(lambda: _folded(engine) == CALLS)
    with engine:
        engine.settle(600)
        _hold(engine, sample)


def _play_and_stop(engine: LaunchedEngine, sample: list[Call], moved: Any, position: Path) -> None:
    half_way = threading.Event()

    def play() -> None:
        player = _player(engine, moved, position)
        try:
            player.play(sample, lambda done: half_way.set() if done >= CALLS // 2 else None)
        except Exception:  # noqa: BLE001 - the engine went away under it, as it was meant to
            return

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    assert half_way.wait(600)
    engine.stop()
    assert json.loads(position.read_text())["sent"] < CALLS


def _hold(engine: LaunchedEngine, sample: list[Call]) -> None:
    profiles = _profiles(engine)
    assert sum(profile.events for profile in profiles) == CALLS
    known = {call.user_id for call in sample if call.user_id}
    devices = {call.anonymous_id for call in sample}
    known_devices = {call.anonymous_id for call in sample if call.user_id}
    assert len(profiles) == len(known) + len(devices - known_devices)
    told = _told(engine)
    for profile in profiles:
        for user in profile.identifiers.get("user_id", ()):
            held = {key: entry.value for key, entry in profile.computed.items()}
            assert told.get(user, {}) == held


def _told(engine: LaunchedEngine) -> dict[str, dict[str, Any]]:
    """What the tool believes of each user: the last value that it was sent of every trait and audience."""
    found: dict[str, dict[str, Any]] = {}
    listed = requests.get(f"{engine.base_url}/_local/sink", params={"limit": 1_000_000}, timeout=60).json()
    for request in listed["requests"]:
        body = request["body"]
        if body["type"] == "identify" and body.get("userId"):
            found.setdefault(body["userId"], {}).update(
                {key: value for key, value in body["traits"].items() if key in KEYS}
            )
    return found


def _profiles(engine: LaunchedEngine) -> list[Any]:
    local = _local(engine)
    pages = local.dynamodb.get_paginator("scan").paginate(TableName=local.profiles_table, ConsistentRead=True)
    items = [item for page in pages for item in page["Items"] if item["sk"]["S"] == "profile"]
    return [profile for profile in map(of_image, items) if not profile.merged_into]


def _folded(engine: LaunchedEngine) -> int:
    return sum(profile.events for profile in _profiles(engine))


def _local(engine: LaunchedEngine) -> demo.Local:
    facts = engine.facts
    status = requests.get(f"{engine.base_url}/_local/status", timeout=30).json()
    dynamodb = emulated_client("dynamodb", status["emulator"])
    table = next(name for name in dynamodb.list_tables()["TableNames"] if "Profiles" in name)
    return demo.Local(
        engine.base_url,
        facts["control_token"],
        facts["space_id"],
        facts["write_key"],
        facts["profile_token"],
        engine.state,
        dynamodb,
        table,
    )


def _player(engine: LaunchedEngine, moved: Any, position: Path) -> Player:
    return Player(engine.base_url, engine.facts["write_key"], moved, position)


def _faults(engine: LaunchedEngine, faults: dict[str, Any]) -> None:
    requests.post(f"{engine.base_url}/_local/faults", json=faults, timeout=30).raise_for_status()


def _until(holds: Any, seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)
