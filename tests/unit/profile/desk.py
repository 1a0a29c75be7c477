"""Whoever defines what is computed in a space, by the rules of the Control API: what comes into force waits for a run,
what goes out of force is told to every lane at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from personas import barriers
from personas.core.query.definition import Definition, Options
from personas.core.query.parser import parse
from personas.core.query.references import references
from personas.core.saved_definition import SavedDefinition
from personas.stores import definitions
from personas.stores.definitions import Change
from tests.unit.profile.pool import Entry
from tests.unit.profile.runs import Runs
from tests.unit.profile.world import World

Name = tuple[str, str]
"""Collection and key."""


@dataclass
class Desk:
    world: World
    runs: Runs
    made: int = 0

    def all(self) -> tuple[SavedDefinition, ...]:
        return definitions.of_space(self.world.space)

    def named(self, name: Name) -> SavedDefinition | None:
        return next((one for one in self.all() if name_of(one.definition) == name), None)

    def create(self, entry: Entry, query: str, options: Options) -> None:
        self.made += 1
        id = f"id_{self.made:03d}_{entry.key}"
        now = self.world.clock.ms

        def decide(_: object, version: int) -> Change:
            made = Definition(id, entry.key, entry.key, entry.kind, entry.collection, query, version, options)
            return Change((SavedDefinition(made, "", True, now, now),))

        self._save(id, decide)

    def edit(self, known: SavedDefinition, query: str, enabled: bool) -> None:
        """Raises BeingComputed."""

        def decide(_: object, version: int) -> Change:
            wanted = replace(known.definition, query=query, version=version)
            return Change((known.changed(wanted, enabled),))

        self._save(known.id, decide)

    def cancel(self, known: SavedDefinition) -> None:
        self._save(known.id, lambda *_: Change((known.cancelled(),)))

    def restart(self, known: SavedDefinition) -> None:
        self._save(known.id, lambda *_: Change((known.restarted(),)))

    def delete(self, known: SavedDefinition) -> None:
        barriers.send(self.world.space, definitions.change(self.world.space, lambda *_: Change(removed=(known.id,))))
        self.runs.start()

    def _save(self, id: str, decide: Callable[[object, int], Change]) -> None:
        version = definitions.change(self.world.space, decide)
        saved = definitions.get(self.world.space, id)
        if saved and not saved.pending:
            barriers.send(self.world.space, version)
        self.runs.start()


def name_of(definition: Definition) -> Name:
    return definition.collection, definition.key


def asked(name: Name, by_name: dict[Name, list[Definition]]) -> Iterator[Name]:
    """The definition, and those that it looks at, directly or not, also across the levels."""
    yield name
    for definition in by_name.get(name, ()):
        for collection, key in references(parse(definition.query), definition.collection):
            for meant in ((collection, key), ("accounts", key)):
                if meant in by_name and meant != name:
                    yield from asked(meant, by_name)
