"""The logs beside the archive's events, and the tables over them, on the engine: from HTTP to SQL."""

from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
import requests

from personas.local import operating
from personas.local.launch import LaunchedEngine
from personas.stores import archive_scan, identity_log, log_objects, parquet_object, trait_log
from personas.tables_export import export

CALLS = [
    {"type": "page", "anonymousId": "a"},
    {"type": "identify", "anonymousId": "a", "traits": {"email": "jane@example.com", "plan": "free"}},
    {"type": "page", "anonymousId": "b"},
    {"type": "identify", "anonymousId": "b", "traits": {"email": "jane@example.com", "plan": "pro"}},
]


def rows(space: str, log: str) -> list[dict[str, Any]]:
    objects = archive_scan.listed(log_objects.folder(log, space))
    return [row for one in objects for row in parquet_object.read_table(one, None).to_pylist()]


def test_a_merge_and_the_traits_that_it_united_are_in_the_logs_and_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LaunchedEngine(tmp_path) as engine:
        facts, url, space = engine.facts, engine.base_url, engine.facts["space_id"]
        for call in CALLS:
            sent = requests.post(f"{url}/v1/batch", json={"batch": [call]}, auth=(facts["write_key"], ""))
            sent.raise_for_status()
            engine.settle(60)
        with operating.engine(tmp_path):
            found, traits = rows(space, identity_log.NAME), rows(space, trait_log.NAME)
            export(space, tmp_path / "tables")
    merged = [row for row in found if row["kind"] == "merged"]
    began = {row["profile"] for row in found if row["kind"] == "began"}
    assert len(began) == 2
    assert {(row["profile"], row["canonical"]) for row in merged} <= {(a, b) for a in began for b in began - {a}}
    assert len(merged) == 1
    last = {row["profile"]: row["traits"] for row in sorted(traits, key=lambda row: row["seq"])}
    assert orjson.loads(last[merged[0]["canonical"]]) == {"email": "jane@example.com", "plan": "pro"}

    monkeypatch.chdir(tmp_path / "tables")
    with duckdb.connect() as database:
        database.execute(Path("views.sql").read_text())
        graph = "SELECT triggering_event_type, segment_id = canonical_segment_id FROM id_graph_updates ORDER BY seq"
        assert database.execute(graph).fetchall() == [("page", True), ("page", True), ("identify", False)]
        plans = "SELECT canonical_segment_id, plan FROM profile_traits WHERE merged_to IS NULL"
        assert database.execute(plans).fetchall() == [(merged[0]["canonical"], "pro")]
