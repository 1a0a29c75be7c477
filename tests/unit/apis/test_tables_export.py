"""The tables of Segment's Profiles Sync, read with DuckDB: the documented four-event case study, row for row, and more.

The calls go through the real pipeline; the third has no email, as the documented tables have it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from personas.core.warehouse.event_rows import track_table
from personas.tables_export import export
from tests.unit.apis.conftest import WORKSPACE_TOKEN, Function, Pipeline, basic

A, B, JANE = "5285bc35-05ef-4d21", "b50e18a5-1b8d-451c", "jane.kim@segment.com"


def call(kind: str, number: int, anonymous: str, url: str, at: str, **more: Any) -> dict[str, Any]:
    context = {"url": f"twilio.com{url}"}
    head = {"type": kind, "messageId": f"event_{number}", "anonymousId": anonymous, "timestamp": at}
    return {**head, "context": context, **more}


CASE_STUDY = [
    call("page", 1, A, "", "2022-05-02T14:01:00Z"),
    call("identify", 2, A, "/try-twilio", "2022-05-02T14:01:47Z", traits={"email": JANE, "plan": "free"}),
    call("page", 3, B, "/education", "2022-06-22T10:47:15Z"),
    call("identify", 4, B, "/events/webinars", "2022-06-22T10:48:00Z", traits={"email": JANE, "plan": "pro"}),
]


class Shop:
    """A space whose tables can be asked in SQL."""

    def __init__(self, function: Callable[..., Function], pipeline: Pipeline, moment: Any, folder: Path) -> None:
        control = function("control_api", f"Bearer {WORKSPACE_TOKEN}")
        self._ingest, self._pipeline, self._moment, self._folder = function("ingest"), pipeline, moment, folder
        self.space = control("POST", "/spaces", {"name": "Shop"}).body["data"]["space"]["id"]
        self.source = control("POST", f"/spaces/{self.space}/sources", {"name": "web"}).body["data"]["source"]

    def send(self, *calls: dict[str, Any]) -> None:
        """One after the other, a second apart, so that the first that is sent is the older profile."""
        for each in calls:
            reply = self._ingest("POST", f"/v1/{each['type']}", each, authorization=basic(self.source["writeKeys"][0]))
            assert reply.status == 200, reply.body
            self._pipeline.run()
            self._moment.advance(1_000)

    def export(self, monkeypatch: pytest.MonkeyPatch) -> duckdb.DuckDBPyConnection:
        self.exported = export(self.space, self._folder)
        monkeypatch.chdir(self._folder)
        database = duckdb.connect()
        database.execute("SET TimeZone = 'UTC'")
        database.execute((self._folder / "views.sql").read_text())
        return database


@pytest.fixture
def shop(function: Any, pipeline: Pipeline, moment: Any, tmp_path: Path) -> Shop:
    versioning = {"Status": "Enabled"}
    boto3.client("s3").put_bucket_versioning(Bucket="archive-bucket", VersioningConfiguration=versioning)
    return Shop(function, pipeline, moment, tmp_path / "tables")


def test_the_documented_case_study_comes_out_row_for_row(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.send(*CASE_STUDY)
    database = shop.export(monkeypatch)

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return database.execute(sql).fetchall()

    one, two = (row[0] for row in rows("SELECT segment_id FROM pages ORDER BY seq"))
    when = "strftime(\"timestamp\", '%Y-%m-%d %H:%M:%S')"
    graph = "SELECT segment_id, canonical_segment_id, triggering_event_type, triggering_event_id"
    assert rows(f"{graph}, {when} FROM id_graph_updates ORDER BY seq") == [
        (one, one, "page", "event_1", "2022-05-02 14:01:00"),
        (two, two, "page", "event_3", "2022-06-22 10:47:15"),
        (two, one, "identify", "event_4", "2022-06-22 10:48:00"),
    ]
    ids = "SELECT segment_id, external_id_type, external_id_value, triggering_event_type, triggering_event_id"
    assert rows(f"{ids}, {when} FROM external_id_mapping_updates ORDER BY seq") == [
        (one, "anonymous_id", A, "page", "event_1", "2022-05-02 14:01:00"),
        (one, "email", JANE, "identify", "event_2", "2022-05-02 14:01:47"),
        (two, "anonymous_id", B, "page", "event_3", "2022-06-22 10:47:15"),
    ]
    source = shop.source["id"]
    named = "triggering_event_source_id, triggering_event_source_name, triggering_event_source_slug"
    assert rows(f"SELECT DISTINCT {named} FROM id_graph_updates") == [(source, "web", "web")]
    assert rows(
        f"SELECT segment_id, context_url, anonymous_id, event_source_id, event_id, {when} FROM pages ORDER BY seq"
    ) == [
        (one, "twilio.com", A, source, "event_1", "2022-05-02 14:01:00"),
        (two, "twilio.com/education", B, source, "event_3", "2022-06-22 10:47:15"),
    ]
    identifies = rows(f"SELECT context_url, anonymous_id, email, event_id, {when} FROM identifies ORDER BY seq")
    assert identifies == [
        ("twilio.com/try-twilio", A, JANE, "event_2", "2022-05-02 14:01:47"),
        ("twilio.com/events/webinars", B, JANE, "event_4", "2022-06-22 10:48:00"),
    ]
    assert rows("SELECT segment_id FROM identifies ORDER BY seq")[0] == (one,)

    assert rows("SELECT segment_id, canonical_segment_id FROM profile_merges ORDER BY seq") == [(one, one), (two, one)]
    assert rows("SELECT canonical_segment_id, type, value FROM user_identifiers ORDER BY seq") == [
        (one, "anonymous_id", A),
        (one, "email", JANE),
        (one, "anonymous_id", B),
    ]
    assert rows("SELECT canonical_segment_id, name, value FROM user_traits ORDER BY name") == [
        (one, "email", JANE),
        (one, "plan", "pro"),
    ]


def test_a_profile_that_merges_on_takes_along_whom_it_absorbed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """`profile_0` is the oldest: both others end there, each with a row of its own."""
    shop.send(call("page", 0, "a0", "", "2022-05-01T00:00:00Z"), *CASE_STUDY)
    shop.send(call("identify", 5, "a0", "", "2022-07-01T00:00:00Z", traits={"email": JANE}))
    database = shop.export(monkeypatch)
    last = "SELECT segment_id, canonical_segment_id FROM id_graph_updates WHERE triggering_event_id = 'event_5'"
    moved = database.execute(last).fetchall()
    oldest = database.execute("SELECT segment_id FROM pages WHERE event_id = 'event_0'").fetchone()
    assert oldest is not None
    assert len(moved) == 2
    assert {canonical for _, canonical in moved} == {oldest[0]}
    assert database.execute("SELECT DISTINCT canonical_segment_id FROM profile_merges").fetchall() == [oldest]
    assert database.execute("SELECT count(*) FROM profile_merges").fetchone() == (3,)


def test_each_track_event_has_a_table_and_mixed_values_are_text(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.send(
        call("track", 1, A, "", "2022-05-02T14:01:00Z", event="Order Completed", properties={"total": 5, "id": 7}),
        call("track", 2, A, "", "2022-05-02T14:02:00Z", event="Order Completed", properties={"total": "six"}),
        call("track", 3, A, "", "2022-05-02T14:03:00Z", event="Pages", properties={"tags": ["x", "y"]}),
    )
    database = shop.export(monkeypatch)
    orders = database.execute("SELECT id, total FROM order_completed ORDER BY seq").fetchall()
    assert orders == [("event_1", "5"), ("event_2", "six")]
    assert database.execute("SELECT tags FROM track_pages").fetchone() == ('["x","y"]',)
    tracks = database.execute("SELECT event, event_text FROM tracks ORDER BY seq").fetchall()
    assert tracks == [("order_completed", "Order Completed")] * 2 + [("pages", "Pages")]
    assert shop.exported.rows["tracks"] == 3
    assert "user_traits" not in (shop.exported.folder / "views.sql").read_text(), "nobody has a trait"


def test_an_export_of_a_space_without_events_has_its_tables_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = shop.export(monkeypatch)
    assert database.execute("SELECT count(*) FROM profile_merges").fetchone() == (0,)


def test_long_names_of_events_make_names_of_tables_that_stay_apart() -> None:
    one, other = track_table("x" * 500 + " a"), track_table("x" * 500 + " b")
    assert one != other
    assert len(one) < 80
