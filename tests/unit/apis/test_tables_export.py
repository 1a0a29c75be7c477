"""The tables of Segment's Profiles Sync, read with DuckDB: the documented four-event case study, row for row, and more.

The calls go through the real pipeline; the third has no email, as the documented tables have it.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infra.paths import ROOT
from personas import unmerging
from personas.core.warehouse.schema import track_table
from personas.stores import graph
from tests.unit.apis.conftest import Pipeline, bring_into_force
from tests.unit.apis.shop import CASE_STUDY, JANE, A, B, Shop, call


@pytest.fixture
def shop(function: Any, pipeline: Pipeline, moment: Any, tmp_path: Path) -> Iterator[Shop]:
    with closing(Shop(function, pipeline, moment, tmp_path / "tables")) as made:
        yield made


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
    assert database.execute("SELECT count(*) FROM tracks").fetchone() == (3,)
    assert database.execute("SELECT count(*) FROM user_traits").fetchone() == (0,), "nobody has a trait"


def test_an_export_of_a_space_without_events_has_its_tables_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = shop.export(monkeypatch)
    assert database.execute("SELECT count(*) FROM profile_merges").fetchone() == (0,)


def test_long_names_of_events_make_names_of_tables_that_stay_apart() -> None:
    one, other = track_table("x" * 500 + " a"), track_table("x" * 500 + " b")
    assert one != other
    assert len(one) < 80


EXAMPLES = re.findall(r"```sql\n-- ([^\n]+)\n(.*?)```", (ROOT / "docs" / "tables.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("question", [title for title, _ in EXAMPLES])
def test_the_examples_of_the_documents_run(shop: Shop, monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    shop.send(*CASE_STUDY, call("track", 5, A, "", "2022-07-01T00:00:00Z", event="Order"))
    database = shop.export(monkeypatch)
    answer = database.execute(f"SELECT count(*) FROM ({dict(EXAMPLES)[question].strip().rstrip(';')})").fetchone()
    assert answer is not None
    assert answer[0] > 0


def test_the_tables_that_the_documents_have_one_materialise_come_out_as_documented(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`id_graph`, `external_id_mapping` and `profile_traits` of the case study."""
    shop.send(*CASE_STUDY)
    database = shop.export(monkeypatch)
    one, two = (row[0] for row in database.execute("SELECT segment_id FROM pages ORDER BY seq").fetchall())
    when = "strftime(\"timestamp\", '%Y-%m-%d %H:%M:%S')"
    graph = f'SELECT segment_id, canonical_segment_id, {when} FROM id_graph ORDER BY "timestamp"'
    assert database.execute(graph).fetchall() == [
        (one, one, "2022-05-02 14:01:00"),
        (two, one, "2022-06-22 10:48:00"),
    ]
    ids = "SELECT canonical_segment_id, external_id_type, external_id_value FROM external_id_mapping"
    assert database.execute(f'{ids} ORDER BY "timestamp"').fetchall() == [
        (one, "anonymous_id", A),
        (one, "email", JANE),
        (one, "anonymous_id", B),
    ]
    traits = "SELECT canonical_segment_id, email, merged_to FROM profile_traits ORDER BY merged_to NULLS FIRST"
    assert database.execute(traits).fetchall() == [(one, JANE, None), (two, None, one)]


def test_what_is_there_is_not_fetched_again_and_what_was_replaced_goes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.send(*CASE_STUDY)
    shop.export(monkeypatch)
    files = set(shop.exported.folder.rglob("events/space=spa*/*/*.parquet"))
    stamps = {path: path.stat().st_mtime_ns for path in files}
    gone = sorted(files)[0]
    stale = gone.with_name("replaced.parquet")
    stale.write_bytes(gone.read_bytes())
    gone.unlink()
    database = shop.export(monkeypatch)
    assert set(shop.exported.folder.rglob("events/space=spa*/*/*.parquet")) == files
    assert [path for path in files if path.stat().st_mtime_ns != stamps[path]] == [gone]
    assert database.execute("SELECT count(*) FROM pages").fetchone() == (2,)


def test_audiences_computed_traits_and_accounts_are_in_the_trait_table(
    shop: Shop, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyers = {"query": "event('Order').count() >= 1"}
    made = shop.control(
        "POST",
        f"/spaces/{shop.space}/audiences",
        {"name": "Buyers", "enabled": True, "audienceType": "USERS", "definition": buyers},
    )
    assert made.status == 200, made.body
    spent = {"query": "event('Order').sum(property('total'))", "type": "users"}
    made = shop.control(
        "POST",
        f"/spaces/{shop.space}/computed-traits",
        {"name": "Spent", "enabled": True, "description": "", "definition": spent},
    )
    assert made.status == 200, made.body
    bring_into_force(shop.space)
    shop.send(
        call("identify", 1, A, "", "2025-12-01T00:00:00Z", userId="u1", traits={"plan": "free"}),
        call("track", 2, A, "", "2025-12-02T00:00:00Z", event="Order", properties={"total": 5.5}),
        call("group", 3, A, "", "2025-12-03T00:00:00Z", groupId="g1", traits={"seats": 7}),
    )
    database = shop.export(monkeypatch)
    users = (
        "SELECT plan, buyers, spent, typeof(buyers) FROM profile_traits_updates WHERE collection = 'users' ORDER BY seq"
    )
    rows = database.execute(users).fetchall()
    assert rows[-1] == ("free", True, 5.5, "BOOLEAN")
    assert rows[0][:2] != rows[-1][:2]
    account = "SELECT seats FROM profile_traits_updates WHERE collection = 'accounts'"
    assert database.execute(account).fetchall() == [(7,)]
    joined = "account_traits AS traits JOIN account_identifiers AS ids USING (segment_id)"
    assert database.execute(f"SELECT ids.value, name, traits.value FROM {joined}").fetchall() == [("g1", "seats", "7")]
    mine = "SELECT name, value FROM user_traits WHERE name IN ('buyers', 'spent') ORDER BY name"
    assert database.execute(mine).fetchall() == [("buyers", "true"), ("spent", "5.5")]


def test_a_merge_that_is_undone_gives_back_profiles_and_identifiers(
    shop: Shop, moment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.send(*CASE_STUDY)
    one = graph.find_profile(shop.space, "users", "anonymous_id", A)
    assert one is not None
    [merge] = graph.merges(shop.space, one)
    unmerging.undo(shop.space, one, merge.id, None, moment.ms)
    shop.send(call("page", 5, B, "/again", "2022-07-01T00:00:00Z"))
    database = shop.export(monkeypatch)
    two = merge.loser
    links = database.execute("SELECT segment_id, canonical_segment_id FROM profile_merges").fetchall()
    assert sorted(links) == sorted([(one, one), (two, two)])
    last = "SELECT triggering_event_type FROM id_graph_updates WHERE segment_id = ? ORDER BY seq"
    assert database.execute(last, [two]).fetchall() == [("page",), ("identify",), ("unmerge",)]
    ids = database.execute("SELECT canonical_segment_id, value FROM user_identifiers").fetchall()
    assert sorted(ids) == sorted([(one, A), (one, JANE), (two, B)])
