"""How the archive of a space is shared out: by the lanes of the profiles, so that each profile is in one shard.

Every shard asks all objects that may have rows of its lanes, small ones as a whole. So there are as few as their size
in memory allows.

>>> [(shard.number, shard.first, shard.last) for shard in shards_of(5_000, 1)]
[(0, 0, 255)]
>>> len(shards_of(10_000_000_000, 40)), len(shards_of(10**15, 10**6))
(256, 256)
"""

from dataclasses import dataclass
from typing import Any

from personas.core.lanes import LANES

SHARD_BYTES = 64_000_000
"""Of compressed objects, in one shard."""
SHARD_OBJECTS = 4_000
"""Objects for every shard more: many small objects take time, not memory."""


@dataclass(frozen=True, slots=True)
class Shard:
    number: int
    first: int
    last: int
    """Lanes, both inclusive."""

    @property
    def lanes(self) -> range:
        return range(self.first, self.last + 1)

    def to_data(self) -> dict[str, Any]:
        return {"number": self.number, "first": self.first, "last": self.last}


def shards_of(size: int, objects: int, shard_bytes: int = SHARD_BYTES) -> list[Shard]:
    """A power of two of equal ranges of lanes, for so many bytes in so many objects."""
    count = 1
    while count < LANES and (size > count * shard_bytes or objects > count * SHARD_OBJECTS):
        count *= 2
    width = LANES // count
    return [Shard(number, number * width, (number + 1) * width - 1) for number in range(count)]
