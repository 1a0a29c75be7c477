"""A night on the engine: the workflow compacts the day that is over, and what is defined later counts the same past."""

from pathlib import Path

import requests

from personas.aws import client
from personas.core.compaction import is_compacted
from personas.local import operating
from personas.local.launch import LaunchedEngine
from personas.local.sample.control import Control
from personas.stores import archive_scan, catalogue

PEOPLE, ORDERS = 10, 3
DAY = 24 * 3600


def tables(database: str) -> set[str]:
    """In the emulator's catalogue."""
    return {table["Name"] for table in client("glue").get_tables(DatabaseName=database)["TableList"]}


def test_a_definition_counts_the_same_past_after_a_night(tmp_path: Path) -> None:
    with LaunchedEngine(tmp_path) as engine:
        facts, url, space = engine.facts, engine.base_url, engine.facts["space_id"]
        control = Control(url, facts["control_token"])
        for _ in range(ORDERS):
            batch = [{"type": "track", "event": "Order", "userId": f"u{number}"} for number in range(PEOPLE)]
            sent = requests.post(f"{url}/v1/batch", json={"batch": batch}, auth=(facts["write_key"], ""))
            sent.raise_for_status()
            engine.settle(60)
        with operating.engine(tmp_path):
            before = archive_scan.manifest(space)
        assert len(before) >= ORDERS
        requests.post(f"{url}/_local/clock", json={"advanceSeconds": DAY + 3 * 3600}).raise_for_status()
        engine.settle(60)
        with operating.engine(tmp_path):
            after = archive_scan.manifest(space)
            assert all(is_compacted(one.name) for one in after)
            assert len(after) == len({one.day for one in before})
            [database] = catalogue.databases("personas_dev")
            assert {"order", "profile_traits_updates"} <= tables(database)
            for manifest in (before, after):
                rows = list(archive_scan.entries(archive_scan.lane_tables(manifest, range(256))))
                assert len(rows) == PEOPLE * ORDERS
        definition = {"query": "event('Order').count()", "type": "users"}
        control.post(
            f"/spaces/{space}/computed-traits",
            {"name": "Orders", "enabled": True, "description": "", "definition": definition},
        )
        engine.settle(120)
        path = f"{url}/v1/spaces/{space}/collections/users/profiles/user_id:u3/traits"
        traits = requests.get(path, auth=(facts["profile_token"], "")).json()
    assert traits["traits"]["orders"] == ORDERS
