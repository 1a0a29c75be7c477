"""The tallies of a profile by aggregate, as they lie in its state: each is unpacked only where it has to be.

What nobody touched is packed as it was, so that the cost of a batch follows what it touches.

>>> kept = Tallies({"c1": {"t": 5}, "c2": {"t": 7}})
>>> kept.of("c1").total, len(kept), kept.to_data() == {"c1": {"t": 5}, "c2": {"t": 7}}
(5, 2, True)
"""

from collections.abc import Iterable, Mapping
from typing import Any

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.monoids import monoid_of
from personas.core.compute.tally import Looked, Tally, added, looked
from personas.core.moments import HOUR

NEVER: Looked = (None, False, None)
_NOTHING: dict[str, Any] = {}
_UNSEEN = {"s": 0}


class Tallies:
    __slots__ = ("_joined", "packed", "unpacked")

    def __init__(self, data: dict[str, Any] | None = None) -> None:
        """`data` as `to_data` gives it; it is not changed."""
        self.packed: dict[str, Any] = dict(data or {})
        """As `to_data` gives them: those that nobody has unpacked."""
        self.unpacked: dict[str, Tally] = {}
        """All others."""
        self._joined: set[str] = set()
        """Those with a window that events have joined without being unpacked."""

    def of(self, aggregate: str) -> Tally:
        """The tally, to be changed; made where there is none yet."""
        found = self.unpacked.get(aggregate)
        if found is None:
            packed = self.packed.pop(aggregate, None)
            found = self.unpacked[aggregate] = Tally() if packed is None else Tally.of_data(packed)
        return found

    def add(self, aggregate: Aggregate, values: list[Any], at: int, now: int) -> None:
        """As the tally does it."""
        name = aggregate.id
        tally = self.unpacked.get(name)
        if tally is None:
            after = added(self.packed.get(name) or _NOTHING, aggregate, values, at, now)
            if after is not None:
                self.packed[name] = after
                if aggregate.window is not None:
                    self._joined.add(name)
                return
            tally = self.of(name)
        tally.add(aggregate, values, at, now)

    def look(self, aggregate: Aggregate, at: int, hour: int) -> Looked:
        """As the tally says it (Tally.partial), which is not unpacked where that can be read as it lies there."""
        tally = self.unpacked.get(aggregate.id)
        if tally is None:
            packed = self.packed.get(aggregate.id)
            if packed is None:
                return NEVER
            found = looked(packed, aggregate, hour)
            if found is not None:
                return found
            tally = self.of(aggregate.id)
        return tally.partial(aggregate, at, hour)

    def absorb(self, other: "Tallies") -> None:
        """The other must not be used any more."""
        for name in [*other.packed, *other.unpacked]:
            tally = other.of(name)
            if name in self.packed or name in self.unpacked:
                self.of(name).absorb(monoid_of(name), tally)
            else:
                self.unpacked[name] = tally

    def settle(self, aggregates: Mapping[str, Aggregate], now: int) -> None:
        """Of those that somebody asked for."""
        for name in self._joined:
            packed = self.packed.get(name)
            if packed and name in aggregates and packed["w"][0] < now // HOUR:
                self.of(name)
        for name, tally in self.unpacked.items():
            if (aggregate := aggregates.get(name)) is not None:
                tally.settle(aggregate, now)

    def drop_unknown(self, aggregates: Mapping[str, Aggregate]) -> None:
        for kept in (self.packed, self.unpacked):
            if not kept.keys() <= aggregates.keys():
                for name in kept.keys() - aggregates.keys():
                    del kept[name]

    def data(self) -> dict[str, Any]:
        """By aggregate, as `to_data` gives it; not to be changed."""
        return {**self.packed, **{name: tally.to_data() for name, tally in self.unpacked.items()}}

    def move_out(self, name: str) -> None:
        """What it keeps lies elsewhere from now on, except whether an event was seen."""
        tally = self.of(name)
        tally.total, tally.tiles, tally.partials, tally.future, tally.owed = None, [], [], [], []

    def see(self, names: Iterable[str]) -> None:
        """Events of these have happened."""
        for name in names:
            if name in self.unpacked or "s" in self.packed.get(name, _UNSEEN):
                self.of(name).seen = True

    def seen(self) -> list[str]:
        """The aggregates of which events have happened."""
        return [name for name, data in self.data().items() if "s" not in data]

    def __len__(self) -> int:
        return len(self.packed) + len(self.unpacked)

    def to_data(self) -> dict[str, Any]:
        return self.data()
