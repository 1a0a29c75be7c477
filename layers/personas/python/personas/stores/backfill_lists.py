"""What a backfill run goes through: lists of objects and of shards, in WORK_BUCKET, whose lifecycle removes them."""

from collections.abc import Sequence
from typing import Any

import orjson

from personas.aws import client, setting
from personas.core.backfill.shards import Shard
from personas.stores.archive_scan import ArchiveObject


def keep_objects(space: str, run: str, name: str, objects: Sequence[ArchiveObject]) -> str:
    """The key of a list of objects. Idempotent."""
    return _keep(f"backfill/{space}/{run}/{name}.objects.json", [one.to_data() for one in objects])


def keep_shards(space: str, run: str, name: str, shards: Sequence[Shard], said: dict[str, Any]) -> str:
    """The key of a list for a Map to go through; each entry has `said` too. Idempotent."""
    return _keep(f"backfill/{space}/{run}/{name}.shards.json", [{**said, **shard.to_data()} for shard in shards])


def objects_of(key: str) -> list[ArchiveObject]:
    body = client("s3").get_object(Bucket=setting("WORK_BUCKET"), Key=key)["Body"].read()
    return [ArchiveObject.of_data(data) for data in orjson.loads(body)]


def _keep(key: str, data: Any) -> str:
    client("s3").put_object(Bucket=setting("WORK_BUCKET"), Key=key, Body=orjson.dumps(data))
    return key
