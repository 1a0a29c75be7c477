"""The tallies of a profile by aggregate, as they lie in its state: each is unpacked only when somebody asks for it.

What nobody asked for is packed as it was, so that the cost of a batch follows what it touches.

>>> kept = Tallies({"c1": {"t": 5}, "c2": {"t": 7}})
>>> kept["c1"].total, kept.unpacked("c2") is None
(5, True)
>>> kept.to_data()
{'c1': {'t': 5}, 'c2': {'t': 7}}
"""

from collections.abc import Iterator, MutableMapping
from typing import Any

from personas.core.compute.tally import Tally


class Tallies(MutableMapping[str, Tally]):
    __slots__ = ("_packed", "_unpacked")

    def __init__(self, data: dict[str, Any] | None = None) -> None:
        """`data` as `to_data` gives it; it is not changed."""
        self._packed: dict[str, Any] = dict(data or {})
        self._unpacked: dict[str, Tally] = {}

    def get(self, aggregate: str, default: Any = None) -> Any:
        found = self._unpacked.get(aggregate)
        if found is not None or aggregate not in self._packed:
            return default if found is None else found
        tally = self._unpacked[aggregate] = Tally.of_data(self._packed.pop(aggregate))
        return tally

    def unpacked(self, aggregate: str) -> Tally | None:
        """The tally if somebody asked for it."""
        return self._unpacked.get(aggregate)

    def __getitem__(self, aggregate: str) -> Tally:
        found: Tally | None = self.get(aggregate)
        if found is None:
            raise KeyError(aggregate)
        return found

    def __setitem__(self, aggregate: str, tally: Tally) -> None:
        self._packed.pop(aggregate, None)
        self._unpacked[aggregate] = tally

    def __delitem__(self, aggregate: str) -> None:
        del (self._packed if aggregate in self._packed else self._unpacked)[aggregate]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._packed, *self._unpacked])

    def __len__(self) -> int:
        return len(self._packed) + len(self._unpacked)

    def to_data(self) -> dict[str, Any]:
        if not self._unpacked:
            return dict(self._packed)
        data = {**self._packed, **{aggregate: tally.to_data() for aggregate, tally in self._unpacked.items()}}
        return {aggregate: data[aggregate] for aggregate in sorted(data)}
