"""Entries that share a mark, directly or by way of others, form an island; islands can be worked on side by side.

>>> islands(["ab", "c", "bd", "ec"], marks=list)
[['ab', 'bd'], ['c', 'ec']]
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

E = TypeVar("E")


def islands(entries: Sequence[E], marks: Callable[[E], Iterable[Hashable]]) -> list[list[E]]:
    """In order, within and across islands."""
    parents = list(range(len(entries)))

    def head(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    first_with: dict[Hashable, int] = {}
    for place, entry in enumerate(entries):
        for mark in marks(entry):
            other = head(first_with.setdefault(mark, place))
            mine = head(place)
            parents[max(mine, other)] = min(mine, other)
    groups: dict[int, list[E]] = {}
    for place, entry in enumerate(entries):
        groups.setdefault(head(place), []).append(entry)
    return list(groups.values())
