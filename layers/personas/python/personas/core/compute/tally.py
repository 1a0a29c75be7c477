"""What one profile keeps for one aggregate: a total, or tiles by hour, and apart what has not happened yet.

A future-dated event counts only from its timestamp on, so it is kept with its exact moment until then.
"""

from dataclasses import dataclass, field
from typing import Any

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.monoids import Monoid
from personas.core.moments import HOUR, hour_of


@dataclass(slots=True)
class Tally:
    seen: bool = False
    """Whether an event of the stream has happened, also one that no window sees any more."""
    total: Any = None
    """The partial of all events, where there is no window."""
    tiles: dict[int, Any] = field(default_factory=dict)
    future: list[list[Any]] = field(default_factory=list)
    """[moment, value, …] of each event that had not happened when it came."""
    owed: list[list[Any]] = field(default_factory=list)
    """Likewise of each event that was taken back before it happened and before it was counted."""

    def add(self, aggregate: Aggregate, values: list[Any], at: int, now: int) -> None:
        if at > now:
            self.future.append([at, *values])
        else:
            self._fold(aggregate, values, at, hour_of(now))

    def take(self, aggregate: Aggregate, values: list[Any], at: int, now: int) -> None:
        """Undo one of two equal additions, of which both may be still to come."""
        event = [at, *values]
        if event in self.future:
            self.future.remove(event)
            return
        if at > now:
            self.owed.append(event)
            return
        monoid, window = aggregate.monoid, aggregate.window
        if window is not None and window.last(window.tile(at)) < hour_of(now):
            return
        for value in values:
            if window is None:
                self.total = monoid.take(self.total, value)
            else:
                tile = window.tile(at)
                rest = monoid.take(self.tiles.pop(tile, None), value)
                if rest is not None:
                    self.tiles[tile] = rest

    def absorb(self, monoid: Monoid, other: "Tally") -> None:
        self.seen |= other.seen
        self.total = merged(monoid, self.total, other.total)
        for tile, partial in other.tiles.items():
            self.tiles[tile] = merged(monoid, self.tiles.get(tile), partial)
        self.future.extend(other.future)
        self.owed.extend(other.owed)
        for event in [event for event in self.owed if event in self.future]:
            if event in self.future:
                self.future.remove(event)
                self.owed.remove(event)

    def settle(self, aggregate: Aggregate, now: int) -> None:
        """Fold in what has happened by now, and drop the tiles that no window will see again."""
        hour = hour_of(now)
        if self.future:
            waiting = self.future
            self.future = []
            for event in waiting:
                self.add(aggregate, event[1:], event[0], now)
        if self.owed:
            owed = self.owed
            self.owed = []
            for event in owed:
                self.take(aggregate, event[1:], event[0], now)
        if aggregate.window is not None and self.tiles:
            last = aggregate.window.last
            self.tiles = {tile: partial for tile, partial in self.tiles.items() if last(tile) >= hour}

    def partial(self, aggregate: Aggregate, at: int, hour: int) -> tuple[Any, bool, int | None]:
        """At a moment: the partial, whether an event has been seen, and the hour at which either may change."""
        due: int | None = None
        found = self.total
        window = aggregate.window
        if window is not None:
            found, due = self._visible(aggregate, window.start is None, hour)
            due = due if aggregate.edges else None
        if not self.future:
            return found, self.seen, due
        happened = Tally(self.seen)
        for event in self.future:
            if event[0] <= at:
                happened._fold(aggregate, event[1:], event[0], hour)
            else:
                due = earlier(due, -(-event[0] // HOUR))
        if window is not None:
            ahead, next_due = happened._visible(aggregate, window.start is None, hour)
            due = earlier(due, next_due if aggregate.edges else None)
            return merged(aggregate.monoid, found, ahead), happened.seen, due
        return merged(aggregate.monoid, found, happened.total), happened.seen, due

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {}
        if self.total is not None:
            data["t"] = self.total
        if self.tiles:
            flat: list[Any] = []
            before = 0
            for tile in sorted(self.tiles):
                flat += (tile - before, self.tiles[tile])
                before = tile
            data["w"] = flat
        if self.future:
            data["f"] = sorted(self.future, key=repr)
        if self.owed:
            data["o"] = sorted(self.owed, key=repr)
        if not self.seen:
            data["s"] = 0
        return data

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Tally":
        tiles: dict[int, Any] = {}
        flat = data.get("w", ())
        tile = 0
        for place in range(0, len(flat), 2):
            tile += flat[place]
            tiles[tile] = flat[place + 1]
        return cls("s" not in data, data.get("t"), tiles, data.get("f", []), data.get("o", []))

    def _fold(self, aggregate: Aggregate, values: list[Any], at: int, hour: int) -> None:
        self.seen = True
        add, window = aggregate.monoid.add, aggregate.window
        if window is None:
            for value in values:
                self.total = add(self.total, value, at)
            return
        tile = window.tile(at)
        if window.last(tile) < hour:
            return
        for value in values:
            self.tiles[tile] = add(self.tiles.get(tile), value, at)

    def _visible(self, aggregate: Aggregate, to_now: bool, hour: int) -> tuple[Any, int | None]:
        """The tiles of this hour as one partial, and the hour at which the next one enters or leaves."""
        window = aggregate.window
        if window is None:
            raise TypeError("without a window there are no tiles")
        merge = aggregate.monoid.merge
        found: Any = None
        due: int | None = None
        for tile, partial in self.tiles.items():
            last = tile if to_now else window.last(tile)
            if last < hour:
                continue
            turns = last + 1
            if not to_now and (first := window.first(tile)) is not None and first > hour:
                if first > last:
                    continue
                turns = first
            else:
                found = partial if found is None else merge(found, partial)
            if due is None or turns < due:
                due = turns
        return found, due


def merged(monoid: Monoid, one: Any, other: Any) -> Any:
    """Of two partials of which either may be the empty one."""
    if one is None:
        return other
    return one if other is None else monoid.merge(one, other)


def earlier(one: int | None, other: int | None) -> int | None:
    """The earlier of two hours, where None is never."""
    if one is None:
        return other
    return one if other is None else min(one, other)
