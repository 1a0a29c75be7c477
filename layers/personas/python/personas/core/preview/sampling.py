"""How many of a space's profiles a preview looks at, and what is then said about all of them.

All, where that is done in seconds; else those of some lanes. A profile's lane is a hash of its id and of nothing else,
so that each profile is looked at with the same probability, by itself: of M members the number that is found is
binomially distributed. The interval is the score interval (Wilson's way) for that M: all M of which the found number
is not further from the expected one than 1.96 standard deviations.

>>> Sampling(256).estimate(40), Sampling(256).interval(40)
(40, (40, 40))
>>> Sampling(64).estimate(40), Sampling(64).interval(40)
(160, (123, 209))
>>> Sampling(64).interval(0)
(0, 11)
>>> [planned(size, 40)[0].lanes for size in (EXACT_BYTES, 2 * EXACT_BYTES, 1_000 * EXACT_BYTES)]
[256, 128, 4]
>>> [(shard.first, shard.last) for shard in planned(1_000 * EXACT_BYTES, 40)[1]]
[(0, 0), (1, 1), (2, 2), (3, 3)]
"""

from dataclasses import dataclass, replace
from math import ceil, floor, sqrt

from personas.core.backfill.shards import Shard, shards_of
from personas.core.lanes import LANES

SHARD_BYTES = 4_000_000
"""Of compressed objects, in one shard: at 26 bytes an event and ten events a profile these are 15,000 profiles, and a
worker takes a tenth of a millisecond of CPU for each, most of it for reading what is stored of it."""
EXACT_BYTES = 40 * SHARD_BYTES
"""Up to this size of a space's archive, all of its profiles are looked at. It is not the workers who are the limit but
the profiles table: a profile is two items of half a unit each, and DynamoDB gives a table 40,000 units a second unless
it was asked for more, so that 400,000 profiles take ten seconds."""
LEAST_LANES = 4

CONFIDENCE = 0.95
_Z = 1.959964
"""Standard deviations on either side within which a normal variable lies with that probability."""


@dataclass(frozen=True, slots=True)
class Sampling:
    lanes: int
    """The profiles of the first so many lanes are looked at."""

    @property
    def whole(self) -> bool:
        return self.lanes == LANES

    @property
    def fraction(self) -> float:
        return self.lanes / LANES

    def estimate(self, found: int) -> int:
        """How many there are in all."""
        return round(found * LANES / self.lanes)

    def interval(self, found: int) -> tuple[int, int]:
        """Between which numbers, both inclusive, it lies with the probability CONFIDENCE."""
        if self.whole:
            return found, found
        f = self.fraction
        spread = _Z * sqrt(f * (1 - f))
        root = sqrt(spread * spread + 4 * f * found)
        least, most = ((root - spread) / (2 * f)) ** 2, ((root + spread) / (2 * f)) ** 2
        return max(found, ceil(least)), floor(most)


def planned(size: int, objects: int, exact: bool = False) -> tuple[Sampling, list[Shard]]:
    """For so many bytes in so many objects; the shards are equal ranges of the lanes that are looked at."""
    lanes = LANES
    if size > EXACT_BYTES and not exact:
        lanes = max(LEAST_LANES, LANES * EXACT_BYTES // size)
    shards = shards_of(size, objects, SHARD_BYTES)
    looked_at = [replace(shard, last=min(shard.last, lanes - 1)) for shard in shards if shard.first < lanes]
    return Sampling(lanes), looked_at
