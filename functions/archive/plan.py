"""Archive, first step: list the days that are to be compacted, shard by shard, for the Map to go through."""

import secrets
from datetime import UTC, datetime
from typing import Any

from personas.aws import setting
from personas.clock import now_ms
from personas.stores import compaction, spaces, work_files
from personas.stores.archive_logs import LOGS


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Changes nothing: a day that is not compacted is listed again by the next run. Today is not over."""
    now = datetime.fromtimestamp(now_ms() / 1000, UTC)
    folder = f"archive/{now:%Y-%m-%dT%H%M%S}-{secrets.token_hex(4)}"
    today = f"{now:%Y-%m-%d}"
    shards: list[dict[str, Any]] = []
    for space in spaces.all():
        for log in LOGS.values():
            for job, objects in compaction.due(space.id, log, today):
                name = f"{folder}/{space.id}/{log.name}/{job.day}.json"
                listed = work_files.keep(name, [one.to_data() for one in objects])
                shards += [{**job.to_data(), "shard": shard, "objects": listed} for shard in range(job.shards)]
    key = work_files.keep(f"{folder}/shards.json", shards)
    return {"count": len(shards), "bucket": setting("WORK_BUCKET"), "key": key}
