"""Which objects of the archive may have events of a moment and later.

An event may be received long before it happens, by its sender's word. So the day of an object, which is one of receipt,
only says where such events must be; for what was received before, the object's own statistics tell, at its end.
"""

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from math import inf

from personas.aws import client, setting
from personas.stores.archive_scan import ArchiveObject

_FOOTER = 1 << 16
"""Bytes at the end of an object in which its statistics usually lie."""


def of_time(objects: Iterable[ArchiveObject], since: int | None) -> Iterator[ArchiveObject]:
    """Those that may have events of this moment (ms) and later; None: all."""
    if since is None:
        return iter(objects)
    begin = datetime.fromtimestamp(since / 1000, UTC).strftime("%Y-%m-%d")
    return (one for one in objects if one.day >= begin or _latest(one) >= since)


def _latest(one: ArchiveObject) -> float:
    """Ms: when the last of its events happens; infinite where it does not say so."""
    from pyarrow import parquet

    end = _end(one, _FOOTER)
    footer = int.from_bytes(end[-8:-4], "little") + 8
    said = parquet.read_metadata(io.BytesIO(end if footer <= len(end) else _end(one, footer)))
    place = said.schema.names.index("at")
    groups = [said.row_group(number).column(place).statistics for number in range(said.num_row_groups)]
    if any(group is None or not group.has_min_max for group in groups):
        return inf
    return max((group.max.timestamp() * 1000 for group in groups), default=-inf)


def _end(one: ArchiveObject, size: int) -> bytes:
    wanted = f"bytes=-{min(size, one.size)}"
    answer = client("s3").get_object(Bucket=setting("ARCHIVE_BUCKET"), Key=one.key, VersionId=one.version, Range=wanted)
    found: bytes = answer["Body"].read()
    return found
