"""One run of a space's backfill: what it is about, how far it is, and until when nobody else may take it up.

Only one run of a space is under way at a time. It holds a lease, so that one that was lost is taken over.

>>> Run("sp", "run_1", until=9, version=4, shards=4, done=frozenset({0, 3})).progress
50
>>> Run("sp", "run_1", until=9, version=4).progress
0
"""

from dataclasses import dataclass

from personas.core.moments import MINUTE

LEASE = 30 * MINUTE
"""Twice what one step or one shard can take; each of them renews it."""


@dataclass(frozen=True, slots=True)
class Run:
    space: str
    id: str
    until: int = 0
    """Ms: the end of its lease."""
    begun: int = 0
    """Ms."""
    version: int = 0
    """The version of the definitions with which the coming ones began; 0: it is not under way."""
    shards: int = 0
    """In how many the archive is folded; 0: that is not known yet."""
    done: frozenset[int] = frozenset()
    """The numbers of the shards that are folded."""
    spread: int = 0
    """The version with which every profile of the space was evaluated."""

    @property
    def progress(self) -> int:
        """In percent."""
        return 100 * len(self.done) // self.shards if self.shards else 0
