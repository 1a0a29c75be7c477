"""Compaction: the many small objects of a day become few large ones, each row once, sorted by profile and time.

Each shard of a day is written under a name of its own (core/compaction.py); when all shards are there, what they were
made from is deleted. In the versioned bucket that leaves it readable by its version for seven days, after which the
bucket's lifecycle removes it. Objects that come meanwhile are not among those that are replaced, and stay.

Objects of events get further columns, with what the space's definitions read by then (stores/archive_cells.py).

Invariant: only what has been written again is deleted, and only once all of it has been. So a row is never missing from
a listing, whoever dies or does the same at the same time; that it may lie there twice is for readers to see, who drop
repeats anyway.
"""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from personas.aws import client, setting
from personas.core.batch.cells import fields_of
from personas.core.compaction import Compaction, lanes_of
from personas.core.compute.definition_set import DefinitionSet
from personas.core.errors import Unavailable
from personas.stores import archive_cells, seen_columns
from personas.stores.archive_logs import EVENTS, LOGS, Log
from personas.stores.archive_scan import listed, of_lanes
from personas.stores.parquet_object import ArchiveObject, read_table

ROWS = 20_000
"""In a row group: what a reader passes over, or reads, as a whole."""
DELETED_AT_ONCE = 1_000


class NotReplaced(Unavailable):
    """S3 did not delete some of the objects that were compacted."""


def due(space: str, log: Log, before: str) -> Iterable[tuple[Compaction, list[ArchiveObject]]]:
    """The days that are over by the day `before` and to be compacted, each with what is to be replaced."""
    days: dict[str, list[ArchiveObject]] = {}
    for one in listed(log.prefix(space)):
        if one.day < before:
            days.setdefault(one.day, []).append(one)
    for day, objects in sorted(days.items()):
        job = Compaction.of(space, log.name, day, {one.name: one.size for one in objects})
        if job is not None:
            yield job, objects


def compact(
    job: Compaction, shard: int, objects: Sequence[ArchiveObject], definitions: DefinitionSet | None = None
) -> None:
    """Write one shard, unless it is there, and replace the objects where it was the last one. Idempotent.

    Of events, what the definitions read becomes columns. Those of another version would make others of the same rows.
    """
    name = job.names[shard]
    prefix = LOGS[job.log].prefix(job.space, job.day)
    if not listed(prefix + name):
        _write(job, name, objects, definitions or DefinitionSet.empty())
    if {one.name for one in listed(prefix)}.issuperset(job.names):
        _delete([one.key for one in objects])


def _write(job: Compaction, name: str, objects: Sequence[ArchiveObject], definitions: DefinitionSet) -> None:
    import pyarrow

    log, lanes = LOGS[job.log], lanes_of(name)
    filters = [("lane", ">=", lanes.start), ("lane", "<", lanes.stop)]
    ours = log.schema().names
    tables = [read_table(one, filters) for one in of_lanes(objects, lanes)]
    tables = [table.select([name for name in table.column_names if name in ours]) for table in tables]
    table = pyarrow.concat_tables([log.schema().empty_table(), *tables], promote_options="default").combine_chunks()
    seen_columns.note(job.space, job.log, job.day, name, table)
    kept = _once_in_order(table, log)
    if log is EVENTS:
        table = archive_cells.with_cells(table, fields_of(definitions))
    key = log.prefix(job.space, job.day) + name
    client("s3").put_object(Bucket=setting("ARCHIVE_BUCKET"), Key=key, Body=parquet_of(table, kept))


def parquet_of(table: Any, kept: Any) -> bytes:
    """An object with the rows at these places, in this order."""
    from pyarrow import parquet

    file = io.BytesIO()
    with parquet.ParquetWriter(file, table.schema, compression="zstd", store_decimal_as_integer=True) as writer:
        for start in range(0, len(kept), ROWS):
            writer.write_table(table.take(kept[start : start + ROWS]))
    return file.getvalue()


def _once_in_order(table: Any, log: Log) -> Any:
    """The places of the rows that stay, in the log's order. Of rows that repeat each other the first stays."""
    import pyarrow
    from pyarrow import compute

    same = {f"same {place}": column for place, column in enumerate(log.same(table))}
    keys = pyarrow.table({**same, **{name: table[name] for name in log.order}})
    grouped = compute.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names])
    repeats = None
    for name in same:
        values = keys[name].take(grouped)
        equal = compute.equal(values[1:], values[:-1])
        repeats = equal if repeats is None else compute.and_(repeats, equal)
    first = pyarrow.chunked_array([[True][: len(table)], *compute.invert(repeats).chunks], pyarrow.bool_())
    kept = grouped.filter(first.combine_chunks())
    ordered = compute.sort_indices(
        keys.select(log.order).take(kept), sort_keys=[(name, "ascending") for name in log.order]
    )
    return kept.take(ordered)


def _delete(keys: Sequence[str]) -> None:
    for start in range(0, len(keys), DELETED_AT_ONCE):
        objects = [{"Key": key} for key in keys[start : start + DELETED_AT_ONCE]]
        answer = client("s3").delete_objects(
            Bucket=setting("ARCHIVE_BUCKET"), Delete={"Objects": objects, "Quiet": True}
        )
        if errors := answer.get("Errors"):
            raise NotReplaced(f"{len(errors)} objects, the first because of {errors[0].get('Code')}")
