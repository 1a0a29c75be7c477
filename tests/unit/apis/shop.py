"""A space whose tables can be asked in SQL, and Segment's documented case study of four events to put into it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from personas.core.warehouse.schema import Schema
from personas.stores import seen_columns
from personas.tables_export import export
from tests.unit.apis.change_streams import ChangeStreams
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
    def __init__(self, function: Callable[..., Function], pipeline: Pipeline, moment: Any, folder: Path) -> None:
        versioning = {"Status": "Enabled"}
        boto3.client("s3").put_bucket_versioning(Bucket="archive-bucket", VersioningConfiguration=versioning)
        control = self.control = function("control_api", f"Bearer {WORKSPACE_TOKEN}")
        self._ingest, self._pipeline, self._moment, self._folder = function("ingest"), pipeline, moment, folder
        self._changes = ChangeStreams(moment)
        self._database: duckdb.DuckDBPyConnection | None = None
        self.space = control("POST", "/spaces", {"name": "Shop"}).body["data"]["space"]["id"]
        self.source = control("POST", f"/spaces/{self.space}/sources", {"name": "web"}).body["data"]["source"]

    def send(self, *calls: dict[str, Any]) -> None:
        """One after the other, a second apart, so that the first that is sent is the older profile."""
        for each in calls:
            reply = self._ingest("POST", f"/v1/{each['type']}", each, authorization=basic(self.source["writeKeys"][0]))
            assert reply.status == 200, reply.body
            self._pipeline.run()
            self._changes.run()
            self._moment.advance(1_000)

    def export(self, monkeypatch: pytest.MonkeyPatch) -> duckdb.DuckDBPyConnection:
        self.exported = export(self.space, self._folder)
        monkeypatch.chdir(self._folder)
        database = self._database = duckdb.connect()
        database.execute((self._folder / "views.sql").read_text())
        return database

    def close(self) -> None:
        if self._database:
            self._database.close()

    def schema(self) -> Schema:
        """Of what was exported."""
        schema = Schema()
        for path in (self._folder / "logs").rglob("*.parquet"):
            schema.unite(seen_columns.of_file(path.relative_to(self._folder).parts[1], path))
        return schema
