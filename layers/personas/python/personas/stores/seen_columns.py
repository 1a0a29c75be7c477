"""Which columns the tables of a space have (core/warehouse/schema.py), as far as objects of the logs tell.

Compaction notes what is in each object that it writes, before it writes it, as `tables/space={space}/seen/…` in the
archive bucket; the nightly catalogue unites that with `tables/space={space}/schema.json`. Invariant: what an object has
is noted before the object is there, so that no column is forgotten whoever dies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from botocore.exceptions import ClientError

from personas.aws import client, setting
from personas.core.warehouse.schema import Schema
from personas.stores import trait_log
from personas.stores.archive_scan import listed
from personas.stores.parquet_object import ArchiveObject, content

Table = Any
EVENTS = "events"
DELETED_AT_ONCE = 1_000


def of_table(log: str, table: Table) -> Schema:
    """Of the rows of an Arrow table of the log."""
    schema = Schema()
    if log == EVENTS:
        for row in table.select(["body"]).to_batches(max_chunksize=10_000):
            for text in row["body"].to_pylist():
                schema.see_event(orjson.loads(text))
    elif log == trait_log.NAME:
        for text in table["traits"].unique().to_pylist():
            schema.see_traits(orjson.loads(text))
    return schema


def of_file(log: str, path: Path) -> Schema:
    from pyarrow import parquet

    wanted = {EVENTS: ["body"], trait_log.NAME: ["traits"]}.get(log)
    return of_table(log, parquet.read_table(path, columns=wanted, partitioning=None)) if wanted else Schema()


def note(space: str, log: str, day: str, name: str, table: Table) -> None:
    """What the object of this name will have. Idempotent."""
    schema = of_table(log, table)
    if schema.tables:
        _put(f"{_folder(space)}seen/{log}-{day}-{name}.json", schema.to_data())


def noted(space: str) -> tuple[Schema, list[ArchiveObject]]:
    """What was noted since it was united, and where that lies."""
    schema, objects = Schema(), listed(f"{_folder(space)}seen/")
    for one in objects:
        schema.unite(Schema.of_data(orjson.loads(content(one))))
    return schema, list(objects)


@dataclass(frozen=True, slots=True)
class Saved:
    """What is known of the tables of a space, and of their views in the catalogue."""

    schema: Schema
    database: str = ""
    views: Mapping[str, str] = field(default_factory=dict)
    """A digest of what the catalogue has of each, by name."""


def saved(space: str) -> Saved:
    try:
        answer = client("s3").get_object(Bucket=setting("ARCHIVE_BUCKET"), Key=f"{_folder(space)}schema.json")
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return Saved(Schema())
    data = orjson.loads(answer["Body"].read())
    return Saved(Schema.of_data(data["schema"]), data["database"], data["views"])


def save(space: str, known: Saved) -> None:
    """Idempotent."""
    data = {"schema": known.schema.to_data(), "database": known.database, "views": dict(known.views)}
    _put(f"{_folder(space)}schema.json", data)


def forget(objects: Sequence[ArchiveObject]) -> None:
    """Notes that are united. Idempotent."""
    for start in range(0, len(objects), DELETED_AT_ONCE):
        keys = [{"Key": one.key} for one in objects[start : start + DELETED_AT_ONCE]]
        client("s3").delete_objects(Bucket=setting("ARCHIVE_BUCKET"), Delete={"Objects": keys, "Quiet": True})


def _folder(space: str) -> str:
    return f"tables/space={space}/"


def _put(key: str, data: Any) -> None:
    client("s3").put_object(Bucket=setting("ARCHIVE_BUCKET"), Key=key, Body=orjson.dumps(data))
