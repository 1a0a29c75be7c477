"""A few of many, drawn by a hash: each with the same probability, in whatever order and parts they come.

>>> one, other, all = Samples("prv_1", 2), Samples("prv_1", 2), Samples("prv_1", 2)
>>> for number in range(10):
...     (one if number % 3 else other).offer(f"use_{number}", lambda: {"n": number})
...     all.offer(f"use_{number}", lambda: {"n": number})
>>> one.unite(other)
>>> one.drawn() == all.drawn(), len(one.drawn())
(True, 2)
"""

from bisect import insort
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from personas.core.profile.profile import Profile

MOST_VALUES = 5
"""Of one identifier type, of one profile that is shown."""


class Samples:
    """Mutable. `seed` makes the draw another one each time."""

    __slots__ = ("_drawn", "_most", "_seed")

    def __init__(self, seed: str, most: int) -> None:
        self._seed = seed.encode()
        self._most = most
        self._drawn: list[tuple[str, dict[str, Any]]] = []
        """With the hash, in its order."""

    def offer(self, profile: str, shown: Callable[[], dict[str, Any]]) -> None:
        """Each profile at most once."""
        rank = blake2b(profile.encode(), digest_size=10, key=self._seed).hexdigest()
        if len(self._drawn) < self._most or rank < self._drawn[-1][0]:
            self._place(rank, shown())

    def unite(self, other: "Samples") -> None:
        for rank, shown in other._drawn:
            self._place(rank, shown)

    def drawn(self) -> list[dict[str, Any]]:
        return [shown for _, shown in self._drawn]

    def to_data(self) -> list[Any]:
        return [[rank, shown] for rank, shown in self._drawn]

    def take(self, data: list[Any]) -> None:
        """What `to_data` gave."""
        for rank, shown in data:
            self._place(rank, shown)

    def _place(self, rank: str, shown: dict[str, Any]) -> None:
        insort(self._drawn, (rank, shown), key=lambda entry: entry[0])
        del self._drawn[self._most :]


def shown(profile: Profile) -> dict[str, Any]:
    """The profile's id and some of its identifiers, as the Control API shows them."""
    identifiers = [
        {"type": kind, "value": value, "collection": profile.collection}
        for kind, values in sorted(profile.identifiers.items())
        for value in values[:MOST_VALUES]
    ]
    return {"id": profile.id, "identifiers": identifiers}
