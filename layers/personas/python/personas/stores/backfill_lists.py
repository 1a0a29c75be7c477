"""What a backfill run goes through: lists of objects and of shards, in WORK_BUCKET, whose lifecycle removes them."""

from collections.abc import Sequence
from typing import Any

from personas.core.backfill.shards import Shard
from personas.stores import work_files
from personas.stores.parquet_object import ArchiveObject


def keep_objects(space: str, run: str, name: str, objects: Sequence[ArchiveObject]) -> str:
    """The key of a list of objects. Idempotent."""
    return work_files.keep(f"backfill/{space}/{run}/{name}.objects.json", [one.to_data() for one in objects])


def keep_shards(space: str, run: str, name: str, shards: Sequence[Shard], said: dict[str, Any]) -> str:
    """The key of a list for a Map to go through; each entry has `said` too. Idempotent."""
    return work_files.keep(
        f"backfill/{space}/{run}/{name}.shards.json", [{**said, **shard.to_data()} for shard in shards]
    )


def objects_of(key: str) -> list[ArchiveObject]:
    return [ArchiveObject.of_data(data) for data in work_files.load(key)]
