"""Archive, inside its first Map: one shard of a day is compacted."""

from typing import Any

from personas.core.compaction import Compaction
from personas.stores import compaction, definitions, spaces, work_files
from personas.stores.parquet_object import ArchiveObject


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Running it twice is harmless. Nothing is written for a space that was deleted meanwhile."""
    shard, listed = event.pop("shard"), event.pop("objects")
    job = Compaction(**event)
    if (head := spaces.head(job.space)) is not None:
        objects = [ArchiveObject.of_data(data) for data in work_files.load(listed)]
        compaction.compact(job, shard, objects, definitions.load(job.space, head.definitions))
    return {"shard": shard}
