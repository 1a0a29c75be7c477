"""Which definitions can have changed: those that read what was touched, and those that read them, as far as values do
change. Cost follows what an event touches, not how many definitions there are.

Invariant: what is not on the agenda has the value that stood, provided that nothing has become due meanwhile.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personas.core.compute.formula import Formula
from personas.core.query.tree import Trait
from personas.core.query.walking import walk


@dataclass(frozen=True, slots=True)
class Touched:
    """What has happened to a profile since all its values were known and true."""

    aggregates: frozenset[str]
    """The ids of those that took an event."""
    traits: frozenset[str]
    """Keys of its own traits."""
    values: Mapping[str, Any]
    """What was known: value by key; audiences that it was never a member of may be missing."""


class Readers:
    """Of the formulas of one collection: the places of those that read an aggregate, or a trait."""

    __slots__ = ("_by_aggregate", "_by_trait", "never_members")

    def __init__(self, formulas: Sequence[Formula]) -> None:
        self._by_aggregate: dict[str, list[int]] = {}
        self._by_trait: dict[str, list[int]] = {}
        self.never_members = {
            formula.definition.key: False for formula in formulas if formula.definition.kind == "audience"
        }
        for place, formula in enumerate(formulas):
            for needed in formula.needs:
                self._by_aggregate.setdefault(needed, []).append(place)
            for key in {node.key for node in walk(formula.tree) if isinstance(node, Trait)}:
                self._by_trait.setdefault(key, []).append(place)

    def standing(self, touched: Touched) -> Callable[[str], Any]:
        """The value of a definition that stood, by its key."""
        values, never_members = touched.values, self.never_members
        return lambda key: values[key] if key in values else never_members.get(key)

    def agenda(self, touched: Touched) -> "Agenda":
        places = {place for taking in touched.aggregates for place in self._by_aggregate.get(taking, ())}
        places.update(place for key in touched.traits for place in self._by_trait.get(key, ()))
        return Agenda(places, self._by_trait)


class Agenda:
    """Places of formulas, in the order of evaluation. Those that read a value come after it: they join while it is gone
    through."""

    __slots__ = ("_by_trait", "_places")

    def __init__(self, places: Iterable[int], by_trait: Mapping[str, list[int]]) -> None:
        self._places = sorted(places)
        self._by_trait = by_trait

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def changed(self, key: str) -> None:
        """The value of a definition did: those that read it are to be evaluated too."""
        for reader in self._by_trait.get(key, ()):
            place = bisect_left(self._places, reader)
            if self._places[place : place + 1] != [reader]:
                self._places.insert(place, reader)
