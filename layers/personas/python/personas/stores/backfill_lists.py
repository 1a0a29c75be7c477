"""What a backfill run goes through: lists of objects, of shards and of other pieces of work, and rows of the archive
that were gathered for it, in WORK_BUCKET, whose lifecycle removes them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from personas.aws import client, setting
from personas.core.backfill.shards import Shard
from personas.core.profile.delivery import Accepted
from personas.stores import archive, archive_scan, work_files
from personas.stores.parquet_object import ArchiveObject


def keep_objects(space: str, run: str, name: str, objects: Sequence[ArchiveObject]) -> str:
    """The key of a list of objects. Idempotent."""
    return keep(space, run, f"{name}.objects", [one.to_data() for one in objects])


def keep_shards(space: str, run: str, name: str, shards: Sequence[Shard], said: dict[str, Any]) -> str:
    """The key of a list for a Map to go through; each entry has `said` too. Idempotent."""
    return keep(space, run, f"{name}.shards", [{**said, **shard.to_data()} for shard in shards])


def objects_of(key: str) -> list[ArchiveObject]:
    return [ArchiveObject.of_data(data) for data in work_files.load(key)]


def keep(space: str, run: str, name: str, data: Any) -> str:
    """The key of what may be written as JSON. Idempotent."""
    return work_files.keep(f"backfill/{space}/{run}/{name}.json", data)


def keep_rows(space: str, run: str, number: int, rows: Sequence[Accepted]) -> None:
    """One piece of what is gathered. Idempotent."""
    client("s3").put_object(Bucket=bucket(), Key=_rows_key(space, run, number), Body=archive.parquet_of(rows))


def rows_of(space: str, run: str, number: int) -> Iterator[Accepted]:
    body = client("s3").get_object(Bucket=bucket(), Key=_rows_key(space, run, number))["Body"].read()
    return archive_scan.rows_in(body)


def bucket() -> str:
    return setting("WORK_BUCKET")


def _rows_key(space: str, run: str, number: int) -> str:
    return f"backfill/{space}/{run}/rows-{number}.parquet"
