"""Whoever defines what is computed in a space, by the rules of the Control API: what comes into force waits for a run,
what goes out of force is told to every lane at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from personas import barriers
from personas.core.query.definition import Definition, Options
from personas.core.saved_definition import SavedDefinition
from personas.stores import definitions
from personas.stores.definitions import Change
from tests.unit.profile.looked_at import Name, name_of
from tests.unit.profile.pool import Entry
from tests.unit.profile.runs import Runs
from tests.unit.profile.world import World


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

    def edit(self, known: SavedDefinition, query: str, every_hours: int) -> None:
        """And enable it. Raises BeingComputed."""
        options = replace(known.definition.options, every_hours=every_hours)

        def decide(_: object, version: int) -> Change:
            wanted = replace(known.definition, query=query, version=version, options=options)
            return Change((known.changed(wanted, True),))

        self._save(known.id, decide)

    def disable(self, known: SavedDefinition) -> None:
        def decide(_: object, version: int) -> Change:
            return Change((known.changed(replace(known.definition, version=version), False),))

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
