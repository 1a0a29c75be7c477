"""The tallies of a profile by aggregate, as they lie in its state: each is unpacked only when somebody asks for it.

What nobody asked for is packed as it was, so that the cost of a batch follows what it touches.

>>> kept = Tallies({"c1": {"t": 5}, "c2": {"t": 7}})
>>> kept.of("c1").total, len(kept), kept.to_data()
(5, 2, {'c1': {'t': 5}, 'c2': {'t': 7}})
"""

from collections.abc import Mapping
from typing import Any

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.monoids import monoid_of
from personas.core.compute.tally import Looked, Tally

NEVER: Looked = (None, False, None)


class Tallies:
    __slots__ = ("_packed", "_unpacked")

    def __init__(self, data: dict[str, Any] | None = None) -> None:
        """`data` as `to_data` gives it; it is not changed."""
        self._packed: dict[str, Any] = dict(data or {})
        self._unpacked: dict[str, Tally] = {}

    def of(self, aggregate: str) -> Tally:
        """The tally, to be changed; made where there is none yet."""
        found = self._unpacked.get(aggregate)
        if found is None:
            packed = self._packed.pop(aggregate, None)
            found = self._unpacked[aggregate] = Tally() if packed is None else Tally.of_data(packed)
        return found

    def look(self, aggregate: Aggregate, at: int, hour: int) -> Looked:
        """As the tally says it (Tally.partial); a total is read as it lies there."""
        tally = self._unpacked.get(aggregate.id)
        if tally is None:
            packed = self._packed.get(aggregate.id)
            if packed is None:
                return NEVER
            if aggregate.window is None and "f" not in packed:
                return packed.get("t"), "s" not in packed, None
            tally = self.of(aggregate.id)
        return tally.partial(aggregate, at, hour)

    def absorb(self, other: "Tallies") -> None:
        """The other must not be used any more."""
        for name in [*other._packed, *other._unpacked]:
            tally = other.of(name)
            if name in self._packed or name in self._unpacked:
                self.of(name).absorb(monoid_of(name), tally)
            else:
                self._unpacked[name] = tally

    def settle(self, aggregates: Mapping[str, Aggregate], now: int) -> None:
        """Of those that somebody asked for."""
        for name, tally in self._unpacked.items():
            if (aggregate := aggregates.get(name)) is not None:
                tally.settle(aggregate, now)

    def drop_unknown(self, aggregates: Mapping[str, Aggregate]) -> None:
        for kept in (self._packed, self._unpacked):
            if not kept.keys() <= aggregates.keys():
                for name in kept.keys() - aggregates.keys():
                    del kept[name]

    def data(self) -> dict[str, Any]:
        """By aggregate, as `to_data` gives it; not to be changed."""
        return {**self._packed, **{name: tally.to_data() for name, tally in self._unpacked.items()}}

    def move_out(self, name: str) -> None:
        """Its total and its tiles lie elsewhere from now on; that an event was seen, and what is to come, stay."""
        tally = self.of(name)
        tally.total, tally.tiles, tally.partials = None, [], []

    def __len__(self) -> int:
        return len(self._packed) + len(self._unpacked)

    def to_data(self) -> dict[str, Any]:
        if not self._unpacked:
            return dict(self._packed)
        data = self.data()
        return {aggregate: data[aggregate] for aggregate in sorted(data)}
