"""When an event counts: from which hour on, and up to which, given that windows are aligned to the hour.

At time T, `within(W)` holds floor_hour(T) - W <= timestamp <= T, and `between(s, e)` holds
floor_hour(T) - e <= timestamp < floor_hour(T) - s. So what matters of a timestamp is only the last hour at which it
counts, and for `between` the first: events that share these share a **tile**. This is exact for windows of any length.

>>> week = TileWindow.of(Within(Duration(7, "day")))
>>> week.last(week.tile(0)), week.first(week.tile(0)) is None
(168, True)
>>> past = TileWindow.of(Between(Duration(90, "second"), Duration(7, "day")))
>>> past.first(past.tile(0)), past.last(past.tile(0))
(1, 168)
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from personas.core.moments import HOUR
from personas.core.query.tree import Between, Duration, Window, Within

__all__ = ["Between", "Duration", "TileWindow", "Within"]


@dataclass(frozen=True, slots=True)
class TileWindow:
    end: int
    """How far back it reaches, in ms."""
    start: int | None = None
    """How far back it begins, in ms; None: it reaches up to now."""

    @classmethod
    def of(cls, window: Window) -> "TileWindow":
        if isinstance(window, Between):
            return cls(window.end.ms, window.start.ms)
        if isinstance(window, Within):
            return cls(window.duration.ms)
        raise TypeError(f"{type(window).__name__} has no tiles")

    def tile(self, at: int) -> int:
        """The tile of an event at this moment."""
        last = (at + self.end) // HOUR
        if self.start is None:
            return last
        # Two events that leave together may enter one hour apart, where start and end are not hours apart.
        hours = last - (at + self.start) // HOUR
        return last * 2 + hours - (self.end - self.start) // HOUR

    def counting(self, tiles: Sequence[int], hour: int) -> tuple[list[int], int | None]:
        """The places, in these sorted tiles of a `between`, of those that count at this hour; and the hour at which the
        next one enters or leaves."""
        if self.start is None:
            raise TypeError("within() counts all tiles from tile_at on")
        found: list[int] = []
        due: int | None = None
        hours = (self.end - self.start) // HOUR
        for place in range(bisect_left(tiles, hour * 2), len(tiles)):
            tile = tiles[place]
            last = tile >> 1
            first = last - hours - (tile & 1) + 1
            if first <= hour:
                found.append(place)
                turns = last + 1
            elif due is not None and last - hours >= due:
                break  # no later one enters before
            elif first > last:
                continue
            else:
                turns = first
            if due is None or turns < due:
                due = turns
        return found, due

    def tile_at(self, hour: int) -> int:
        """The first tile, in their order, that counts at this hour or later."""
        return hour if self.start is None else hour * 2

    def last(self, tile: int) -> int:
        """The last hour at which the tile counts."""
        return tile if self.start is None else tile >> 1

    def first(self, tile: int) -> int | None:
        """The first hour at which the tile counts; None: as soon as its events have happened."""
        if self.start is None:
            return None
        hours = (self.end - self.start) // HOUR + (tile & 1)
        return (tile >> 1) - hours + 1
