"""Which definitions can have changed: those that look at what was touched, and those that read them, as far as values
do change. Cost follows what an event touches, not how many definitions there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

from personas.core.compute.formula import Formula
from personas.core.query.tree import Stream, Trait
from personas.core.query.walking import walk


@dataclass(frozen=True, slots=True)
class Touched:
    """What has happened to a profile since all its values were known and true."""

    events: frozenset[str]
    """Names of events."""
    traits: frozenset[str]
    """Keys of its own traits."""
    values: Mapping[str, Any]
    """What was known: value by key; audiences that it was never a member of may be missing."""


class Readers:
    """Of the formulas of one collection: the places of those that look at an event name, or read a trait."""

    __slots__ = ("_by_event", "_by_trait", "_reads")

    def __init__(self, formulas: Sequence[Formula]) -> None:
        self._by_event: dict[str, list[int]] = {}
        self._by_trait: dict[str, list[int]] = {}
        keys = {formula.definition.key for formula in formulas}
        self._reads: list[tuple[str, ...]] = []
        for place, formula in enumerate(formulas):
            nodes = list(walk(formula.tree))
            for name in {node.event for node in nodes if isinstance(node, Stream)}:
                self._by_event.setdefault(name, []).append(place)
            traits = {node.key for node in nodes if isinstance(node, Trait)}
            for key in traits:
                self._by_trait.setdefault(key, []).append(place)
            self._reads.append(tuple(traits & keys))

    def of(self, touched: Touched) -> "Agenda":
        by_event, by_trait = self._by_event, self._by_trait
        places = {place for name in touched.events for place in by_event.get(name, ())}
        places.update(place for key in touched.traits for place in by_trait.get(key, ()))
        return Agenda(places, by_trait)

    def reads(self, place: int) -> tuple[str, ...]:
        """The keys of the other definitions that a formula refers to."""
        return self._reads[place]


class Agenda:
    """Places of formulas, in the order of evaluation; those that read a value come after it."""

    __slots__ = ("_by_trait", "_heap", "_known")

    def __init__(self, places: Iterable[int], by_trait: Mapping[str, list[int]]) -> None:
        self._known = set(places)
        self._heap = list(self._known)
        heapify(self._heap)
        self._by_trait = by_trait

    def next(self) -> int | None:
        return heappop(self._heap) if self._heap else None

    def changed(self, key: str) -> None:
        """The value of a definition did: those that read it are to be evaluated too."""
        for place in self._by_trait.get(key, ()):
            if place not in self._known:
                self._known.add(place)
                heappush(self._heap, place)
