"""Every night each space's database in the catalogue gets the views of its tables, as Athena keeps them."""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
import sqlglot

from functions.archive import catalogue, compact, plan
from personas.core.moments import DAY
from personas.core.warehouse.dialect import ATHENA, DUCKDB
from personas.core.warehouse.view import Logs
from personas.core.warehouse.views import views
from personas.stores import seen_columns, sources, spaces, work_files
from tests.unit.apis.conftest import Pipeline
from tests.unit.apis.shop import CASE_STUDY, A, Shop, call

DATABASE = "personas_test_shop"


@pytest.fixture
def shop(
    function: Any, pipeline: Pipeline, moment: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    monkeypatch.setenv("CATALOGUE_DATABASE", "personas_test")
    monkeypatch.setenv("WORK_BUCKET", "work-bucket")
    boto3.client("s3").create_bucket(Bucket="work-bucket")
    with closing(Shop(function, pipeline, moment, tmp_path / "tables")) as made:
        yield made


def night(moment: Any) -> int:
    """How many views it changed."""
    moment.advance(DAY)
    for shard in work_files.load(plan.handle({}, None)["key"]):
        compact.handle(dict(shard), None)
    return int(catalogue.handle({}, None)["changed"])


def tables(database: str = DATABASE) -> dict[str, dict[str, Any]]:
    pages = boto3.client("glue").get_paginator("get_tables").paginate(DatabaseName=database)
    return {table["Name"]: table for page in pages for table in page["TableList"]}


def columns(table: dict[str, Any]) -> dict[str, str]:
    return {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}


def databases() -> list[str]:
    return [one["Name"] for one in boto3.client("glue").get_databases()["DatabaseList"]]


def test_a_night_puts_the_tables_of_the_space_into_its_database(shop: Shop, moment: Any) -> None:
    shop.send(*CASE_STUDY, call("track", 5, A, "", "2022-07-01T00:00:00Z", event="Order", properties={"total": 5}))
    assert night(moment) == len(tables())
    found = tables()
    assert {"id_graph_updates", "external_id_mapping_updates", "profile_traits_updates", "pages", "order"} <= set(found)
    assert columns(found["pages"])["context_url"] == "string"
    assert columns(found["order"])["total"] == "bigint"
    assert columns(found["profile_traits_updates"])["plan"] == "string"
    pages = found["pages"]
    assert pages["TableType"] == "VIRTUAL_VIEW"
    said = json.loads(b64decode(pages["ViewOriginalText"].split()[3]))
    assert f'"personas_test"."events" WHERE space = \'{shop.space}\'' in said["originalSql"]
    assert (said["catalog"], said["schema"]) == ("awsdatacatalog", DATABASE)
    assert [column["name"] for column in said["columns"]] == list(columns(pages))


def test_a_night_changes_only_the_views_whose_columns_are_new(shop: Shop, moment: Any) -> None:
    shop.send(*CASE_STUDY)
    night(moment)
    assert night(moment) == 0
    shop.send(call("page", 6, A, "", "2022-07-01T00:00:00Z", properties={"title": "Prices"}))
    assert night(moment) == 1
    assert columns(tables()["pages"])["title"] == "string"
    assert "context_url" in columns(tables()["pages"]), "what was seen before stays"
    boto3.client("glue").delete_database(Name=DATABASE)
    assert night(moment) == len(tables()), "a database that is gone is made anew"


def test_a_run_that_dies_before_it_saved_is_made_good_by_the_next(
    shop: Shop, moment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.send(*CASE_STUDY)
    with monkeypatch.context() as broken:
        broken.setattr(seen_columns, "save", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            night(moment)
    assert catalogue.handle({}, None)["changed"] == len(tables())
    assert "context_url" in columns(tables()["pages"])
    assert catalogue.handle({}, None)["changed"] == 0


def test_the_database_of_a_space_that_is_gone_goes(shop: Shop, moment: Any) -> None:
    shop.send(*CASE_STUDY)
    night(moment)
    boto3.client("glue").create_database(DatabaseInput={"Name": "personas_test_reports"})
    space = spaces.find(shop.space)
    spaces.close(space)
    spaces.forget(space)
    catalogue.handle({}, None)
    assert databases() == ["personas_test_reports"], "which is somebody else's"


def test_the_views_of_athena_are_read_as_its_sql_and_say_what_those_of_duckdb_say(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read and translated by sqlglot, as Athena runs nowhere else. It does not translate a map of JSON: the trait
    views are also made with DuckDB's way to take an object apart, so that the rest of them is compared."""
    shop.send(*CASE_STUDY, call("track", 5, A, "", "2022-07-01T00:00:00Z", event="Pages", properties={"Unit Price": 5}))
    database = shop.export(monkeypatch)
    schema = shop.schema()
    names = {one.id: one.name for one in sources.of_space(shop.space)}
    logs = Logs("logs.events", "logs.identity", "logs.traits")
    ours = {view.name: view for view in views(schema, names, DUCKDB, logs)}
    for view in views(schema, names, ATHENA, logs):
        assert sqlglot.parse_one(view.query, dialect="athena")
    translatable = replace(ATHENA, pairs=DUCKDB.pairs, pair_value=DUCKDB.pair_value)
    for view in views(schema, names, translatable, logs):
        statement = sqlglot.parse_one(view.query, dialect="athena")
        translated = statement.sql(dialect="duckdb")
        assert rows(database, translated) == rows(database, ours[view.name].query), view.name


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """As text: DuckDB hands over moments with a time zone only where pytz is installed."""
    return sorted(
        str(text) for (text,) in database.execute(f"SELECT CAST(t AS varchar) FROM ({query}) AS t").fetchall()
    )
