"""Which days of the archive are compacted, into how many objects, and under which names: pure.

The name of a compacted object tells its generation, the lanes whose rows it has, and from what it was made. Nothing
else keeps account of compaction: what lies in a day says by itself what is still to be done.

Invariant: the name sorts behind the names of all that it replaces, and is the same when the same objects are compacted
again. A listing goes by name; so whoever lists while objects are replaced finds a row where it was or where it is.

>>> one = Compaction("sp", "events", "2026-01-01", generation=1, shards=2, digest="ab")
>>> one.names
('compacted-000001-000-127-ab.parquet', 'compacted-000001-128-255-ab.parquet')
>>> lanes_of(one.names[1]), generation_of(one.names[1]), lanes_of("0001-0002-cd.parquet").stop
(range(128, 256), 1, 256)
>>> max("0001-0002-cd.parquet", *one.names) == one.names[1]
True
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any

from personas.core.backfill.shards import Shard, shards_of
from personas.core.lanes import LANES

MARK = "compacted-"
SHARD_BYTES = 32_000_000
"""Of compressed objects, in one shard: all its rows are in memory, twice while they are sorted."""
LATE_OBJECTS = 8
"""So many objects that came after a day was compacted are a reason to do it again, and so are fewer that weigh"""
LATE_PART = 1 / 8
"""of what is compacted already. So a day is written anew a few times, however late its last events come."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """One day of one of a space's logs is to be written anew, in shards by lane."""

    space: str
    log: str
    day: str
    generation: int
    shards: int
    digest: str
    """Of the names of what it replaces."""

    @classmethod
    def of(cls, space: str, log: str, day: str, sizes: Mapping[str, int]) -> "Compaction | None":
        """`sizes`: bytes of what lies in the day, by name. None: it may stay as it is."""
        if not is_due(sizes):
            return None
        digest = blake2b("\n".join(sorted(sizes)).encode(), digest_size=8).hexdigest()
        generation = max(map(generation_of, sizes)) + 1
        shards = shards_of(sum(sizes.values()), len(sizes), SHARD_BYTES)
        return cls(space, log, day, generation, len(shards), digest)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the objects that it makes, by shard."""
        width = LANES // self.shards
        return tuple(
            f"{MARK}{self.generation:06d}-{first:03d}-{first + width - 1:03d}-{self.digest}.parquet"
            for first in range(0, LANES, width)
        )

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


def is_due(sizes: Mapping[str, int]) -> bool:
    done = [name for name in sizes if is_compacted(name)]
    late = [sizes[name] for name in sizes if not is_compacted(name)]
    weight = sum(sizes[name] for name in done)
    return len(late) >= LATE_OBJECTS or sum(late) > LATE_PART * weight or _overlap(done)


def is_compacted(name: str) -> bool:
    return name.startswith(MARK)


def generation_of(name: str) -> int:
    """0: as the batches wrote it."""
    return int(name.split("-")[1]) if is_compacted(name) else 0


def lanes_of(name: str) -> range:
    """Of the rows that the object may have."""
    if not is_compacted(name):
        return range(LANES)
    _, _, first, last, _ = name.split("-")
    return Shard(0, int(first), int(last)).lanes


def _overlap(names: list[str]) -> bool:
    """What it replaced is still there: whoever made some of them died before."""
    ranges = sorted((lanes_of(name).start, lanes_of(name).stop) for name in names)
    return any(before[1] > after[0] for before, after in pairwise(ranges))
