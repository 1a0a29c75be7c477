"""Which hours of the due log a recompute looks at, and from where the next one begins.

>>> look = Look.at(hour=100, cursor=None, created=90)
>>> look.first, look.last
(90, 100)
>>> look.next_cursor([93, 100]), look.next_cursor([100]), look.next_cursor([])
(93, 98, 98)
"""

from collections.abc import Sequence
from dataclasses import dataclass

TRAIL = 2
"""Hours looked at again. Nothing is filed under an hour that has begun by the writer's clock (core/profile/actor.py);
what remains is a batch that was being written at the turn of the hour, and clocks that differ."""


@dataclass(frozen=True, slots=True)
class Look:
    first: int
    last: int

    @classmethod
    def at(cls, hour: int, cursor: int | None, created: int) -> "Look":
        """From the cursor, at first from the hour in which the space was created: missed hours are caught up."""
        return cls(min(created if cursor is None else cursor, hour), hour)

    def next_cursor(self, filled: Sequence[int]) -> int:
        """Not past an hour that holds entries: those are deleted once ticked, so what is still there failed."""
        return max(self.first, min([self.last - TRAIL, *filled]))
