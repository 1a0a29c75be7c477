"""What one profile keeps for one aggregate: a total, or tiles by hour, and apart what has not happened yet.

A future-dated event counts only from its timestamp on, so it is kept with its exact moment until then.
Invariant: `tiles` is sorted, and `partials` has the partial of each, so that what a window shows is a slice.
"""

from bisect import bisect_left
from itertools import accumulate
from operator import sub
from typing import Any

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.monoids import Monoid
from personas.core.moments import HOUR, hour_of

Looked = tuple[Any, bool, int | None]
"""The partial, whether an event has been seen, and the hour at which either may change."""


_SHORT = 64
"""Of the tiles and partials of a tally, side by side: so many are gone through in less time than they are unpacked."""


class Tally:
    __slots__ = ("future", "owed", "partials", "seen", "tiles", "total")

    def __init__(self, seen: bool = False, total: Any = None) -> None:
        self.seen = seen
        """Whether an event of the stream has happened, also one that no window sees any more."""
        self.total = total
        """The partial of all events, where there is no window."""
        self.tiles: list[int] = []
        self.partials: list[Any] = []
        self.future: list[list[Any]] = []
        """[moment, value, …] of each event that had not happened when it came."""
        self.owed: list[list[Any]] = []
        """Likewise of each event that was taken back before it happened, where what is taken back lies elsewhere: it
        has yet to come, or lies in a cold part."""

    def add(self, aggregate: Aggregate, values: list[Any], at: int, now: int) -> None:
        if at > now:
            self.future.append([at, *values])
        else:
            self._fold(aggregate, values, at, now // HOUR)

    def take(self, aggregate: Aggregate, values: list[Any], at: int, now: int) -> None:
        """Undo one of two equal additions, of which both may be still to come."""
        event = [at, *values]
        if event in self.future:
            self.future.remove(event)
            return
        if at > now:
            self.owed.append(event)
            return
        take, window = aggregate.monoid.take, aggregate.window
        if window is None:
            for value in values:
                self.total = take(self.total, value)
            return
        tile = window.tile(at)
        if window.last(tile) < hour_of(now):
            return
        for value in values:
            self._put(tile, take(self._at(tile), value))

    def absorb(self, monoid: Monoid, other: "Tally") -> None:
        self.seen |= other.seen
        self.total = merged(monoid, self.total, other.total)
        if not self.tiles:
            self.tiles, self.partials = other.tiles, other.partials
        else:
            for tile, partial in zip(other.tiles, other.partials, strict=True):
                self._put(tile, merged(monoid, self._at(tile), partial))
        self.future.extend(other.future)
        self.owed.extend(other.owed)
        for event in [event for event in self.owed if event in self.future]:
            if event in self.future:
                self.future.remove(event)
                self.owed.remove(event)

    def settle(self, aggregate: Aggregate, now: int) -> None:
        """Fold in what has happened by now, and drop the tiles that no window will see again."""
        if self.future:
            waiting, self.future = self.future, []
            for event in waiting:
                self.add(aggregate, event[1:], event[0], now)
        if self.owed:
            owed, self.owed = self.owed, []
            for event in owed:
                self.take(aggregate, event[1:], event[0], now)
        window, tiles = aggregate.window, self.tiles
        if window is not None and tiles and window.last(tiles[0]) < now // HOUR:
            gone = bisect_left(tiles, window.tile_at(now // HOUR))
            del tiles[:gone], self.partials[:gone]

    def partial(self, aggregate: Aggregate, at: int, hour: int) -> Looked:
        """At a moment: the partial, whether an event has been seen, and the hour at which either may change."""
        if self.future or self.owed:
            return self._with_future(aggregate, at, hour)
        window = aggregate.window
        if window is None:
            return self.total, self.seen, None
        tiles, due = self.tiles, None
        if window.start is None:
            first = 0 if tiles and tiles[0] >= hour else bisect_left(tiles, hour)
            visible = self.partials[first:] if first else self.partials
            if visible:
                due = tiles[first] + 1
        else:
            counting, due = window.counting(tiles, hour)
            visible = [self.partials[place] for place in counting]
        found = visible[0] if len(visible) == 1 else aggregate.monoid.merge_all(visible) if visible else None
        return found, self.seen, due if aggregate.edges else None

    def _with_future(self, aggregate: Aggregate, at: int, hour: int) -> Looked:
        due: int | None = None
        happened, now = Tally(), Tally(self.seen, self.total)
        now.tiles, now.partials = self.tiles, self.partials
        for event in self.future:
            if event[0] <= at:
                happened._fold(aggregate, event[1:], event[0], hour)
            else:
                due = earlier(due, -(-event[0] // HOUR))
        for event in self.owed:
            if event[0] <= at:
                happened.take(aggregate, event[1:], event[0], at)
            else:
                due = earlier(due, -(-event[0] // HOUR))
        found, seen, edge = now.partial(aggregate, at, hour)
        ahead, came, next_edge = happened.partial(aggregate, at, hour)
        return merged(aggregate.monoid, found, ahead), seen or came, earlier(earlier(due, edge), next_edge)

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {}
        if self.total is not None:
            data["t"] = self.total
        if self.tiles:
            flat: list[Any] = [None] * (2 * len(self.tiles))
            flat[0::2] = map(sub, self.tiles, (0, *self.tiles))
            flat[1::2] = self.partials
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
        get = data.get
        tally = cls("s" not in data, get("t"))
        flat = get("w")
        if flat:
            tally.tiles = list(accumulate(flat[0::2]))
            tally.partials = flat[1::2]
        tally.future, tally.owed = get("f") or [], get("o") or []
        return tally

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
        tiles, partials = self.tiles, self.partials
        if tiles and tiles[-1] == tile:
            for value in values:
                partials[-1] = add(partials[-1], value, at)
        else:
            for value in values:
                self._put(tile, add(self._at(tile), value, at))

    def _at(self, tile: int) -> Any:
        place = bisect_left(self.tiles, tile)
        return self.partials[place] if place < len(self.tiles) and self.tiles[place] == tile else None

    def _put(self, tile: int, partial: Any) -> None:
        """None: nothing is kept of the tile."""
        tiles, partials = self.tiles, self.partials
        place = bisect_left(tiles, tile)
        if place < len(tiles) and tiles[place] == tile:
            if partial is None:
                del tiles[place], partials[place]
            else:
                partials[place] = partial
        elif partial is not None:
            tiles.insert(place, tile)
            partials.insert(place, partial)


def added(data: dict[str, Any], aggregate: Aggregate, values: list[Any], at: int, now: int) -> dict[str, Any] | None:
    """The data of a tally, as `to_data` gives them, after `add`: without unpacking them where an event that has just
    happened joins a total or the newest tile, as nearly all do. None: it is not as simple as that."""
    if at > now or "f" in data or "o" in data or "s" in data:
        return None
    add, window = aggregate.monoid.add, aggregate.window
    if window is None:
        total = data.get("t")
        for value in values:
            total = add(total, value, at)
        return {} if total is None else {"t": total}
    if window.start is not None or not values or "t" in data:
        return None
    hour, tile, flat = now // HOUR, (at + window.end) // HOUR, data.get("w")
    if flat is None:
        flat = [tile, None]
    else:
        if len(flat) > _SHORT or flat[0] < hour or tile < (last := sum(flat[::2])):
            return None
        flat = flat.copy() if tile == last else [*flat, tile - last, None]
    if tile < hour:
        return None
    partial = flat[-1]
    for value in values:
        partial = add(partial, value, at)
    flat[-1] = partial
    return {"w": flat}


def looked(data: dict[str, Any], aggregate: Aggregate, hour: int) -> Looked | None:
    """What `partial` says of the data of a tally, without unpacking them. None: it is not as simple as that."""
    if "f" in data or "o" in data:
        return None
    window = aggregate.window
    if window is None:
        return data.get("t"), "s" not in data, None
    flat = data.get("w")
    if flat is None:
        return None, "s" not in data, None
    if window.start is not None:
        counting, due = window.counting(list(accumulate(flat[::2])), hour)
        visible = [flat[2 * place + 1] for place in counting]
        found = visible[0] if len(visible) == 1 else aggregate.monoid.merge_all(visible) if visible else None
        return found, "s" not in data, due if aggregate.edges else None
    if flat[0] < hour:
        return None
    visible = flat[1::2]
    found = visible[0] if len(visible) == 1 else aggregate.monoid.merge_all(visible)
    return found, "s" not in data, flat[0] + 1 if aggregate.edges else None


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
