"""Of each definition of a space all that it looks at, directly or not, also across the levels."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from personas.core.query.definition import Definition
from personas.core.query.parser import parse
from personas.core.query.references import references
from personas.core.query.tree import AllMembers, AnyMember
from personas.core.query.walking import walk

Name = tuple[str, str]
"""Collection and key."""


def name_of(definition: Definition) -> Name:
    return definition.collection, definition.key


@dataclass(frozen=True, slots=True)
class LookedAt:
    by_name: dict[Name, list[Definition]]

    @classmethod
    def among(cls, definitions: Iterable[Definition | None]) -> "LookedAt":
        by_name: dict[Name, list[Definition]] = {}
        for one in definitions:
            if one:
                by_name.setdefault(name_of(one), []).append(one)
        return cls(by_name)

    def names(self, name: Name) -> set[Name]:
        """The definition itself, too."""
        return set(self._names(name))

    def _names(self, name: Name) -> Iterator[Name]:
        yield name
        for definition in self.by_name.get(name, ()):
            for collection, key in read_by(definition.query, definition.collection):
                for meant in ((collection, key), ("accounts", key)):
                    if meant in self.by_name and meant != name:
                        yield from self._names(meant)

    def is_across(self, name: Name) -> bool:
        """Whether profiles of the other level are asked about it, or about what it looks at."""
        found = self.names(name)
        return len({collection for collection, _ in found}) > 1 or any(
            asks_members(one.query) for each in found for one in self.by_name.get(each, ())
        )

    def is_due(self, name: Name, hour: int) -> bool:
        """Whether the hour is one of its own schedule, and of the schedules of all that it looks at."""
        return all(
            one.options.scheduled(hour) == hour for each in self.names(name) for one in self.by_name.get(each, ())
        )


@cache
def read_by(query: str, collection: str) -> tuple[Name, ...]:
    """The traits that a query reads."""
    return tuple(references(parse(query), collection))


@cache
def asks_members(query: str) -> bool:
    """Whether it has ANY or ALL."""
    return any(isinstance(node, AnyMember | AllMembers) for node in walk(parse(query)))
