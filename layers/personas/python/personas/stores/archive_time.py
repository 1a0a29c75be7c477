"""Which objects of the archive may have events of a moment and later.

An event may be received long before it happens, by its sender's word. So the day of an object, which is one of receipt,
only says where such events must be; for what was received before, the object's own statistics tell.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from math import inf

from personas.stores.parquet_object import ArchiveObject, bounds, metadata


def of_time(objects: Iterable[ArchiveObject], since: int | None) -> Iterator[ArchiveObject]:
    """Those that may have events of this moment (ms) and later; None: all."""
    if since is None:
        return iter(objects)
    begin = datetime.fromtimestamp(since / 1000, UTC).strftime("%Y-%m-%d")
    return (one for one in objects if one.day >= begin or _latest(one) >= since)


def _latest(one: ArchiveObject) -> float:
    """Ms: when the last of its events happens; infinite where it does not say so."""
    said = metadata(one)
    groups = [bounds(said, group, "at") for group in range(said.num_row_groups)]
    return max((inf if group is None else group[1].timestamp() * 1000 for group in groups), default=-inf)
