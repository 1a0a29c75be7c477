"""All definitions of a space at one version, compiled: what to keep of which event, and how to evaluate a profile.

Building one from queries needs the parser; loading a stored one does not, so that the functions that handle events
never import it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.formula import Formula
from personas.core.compute.touched import Readers
from personas.core.compute.trait_mapping import Promotions, TraitMapping
from personas.core.errors import InvalidInput
from personas.core.query import builder
from personas.core.query.definition import Definition
from personas.core.query.references import evaluation_order
from personas.core.query.tree import Query


class DefinitionSet:
    """Immutable once built. `aggregates` are by id, `formulas` by collection and in the order of evaluation."""

    __slots__ = ("_by_event", "_named", "_readers", "_told", "aggregates", "formulas", "promotions", "version")

    def __init__(
        self,
        version: int,
        definitions: Iterable[tuple[Definition, Query]],
        mappings: Iterable[TraitMapping] = (),
    ) -> None:
        """The definitions in the order of evaluation."""
        self.promotions = Promotions(mappings)
        self.version = version
        self.aggregates: dict[str, Aggregate] = {}
        self.formulas: dict[str, list[Formula]] = {"users": [], "accounts": []}
        for definition, tree in definitions:
            self.formulas[definition.collection].append(Formula(definition, tree, self.aggregates))
        self._named = {
            collection: {formula.definition.key: formula.definition for formula in formulas}
            for collection, formulas in self.formulas.items()
        }
        self._by_event = _by_event(self.aggregates)
        self._told: DefinitionSet | None = None
        self._readers: dict[str, Readers] = {}

    @classmethod
    def of(
        cls, version: int, definitions: Iterable[Definition], mappings: Iterable[TraitMapping] = ()
    ) -> "DefinitionSet":
        """Raises InvalidQuery (which names the definition), CyclicDefinitions, or InvalidInput for a key used twice."""
        from personas.core.query.checker import check

        trees: dict[str, dict[str, Query]] = {"users": {}, "accounts": {}}
        known: dict[tuple[str, str], Definition] = {}
        for definition in definitions:
            named = trees[definition.collection]
            if definition.key in named:
                raise InvalidInput(f"the key {definition.key} is used by two definitions", "name")
            named[definition.key] = check(definition)
            known[definition.collection, definition.key] = definition
        ordered = [
            (known[collection, key], named[key])
            for collection, named in trees.items()
            for key in evaluation_order(named)
        ]
        return cls(version, ordered, mappings)

    @classmethod
    def empty(cls) -> "DefinitionSet":
        return cls(0, ())

    @property
    def told(self) -> "DefinitionSet":
        """Only the aggregates over the events of all members, which a user's actor folds for the user's accounts."""
        if self._told is None:
            self._told = DefinitionSet(self.version, ())
            needs = {needed for formula in self.formulas["accounts"] for needed in formula.needs}
            self._told.aggregates = {needed: self.aggregates[needed] for needed in sorted(needs)}
            self._told._by_event = _by_event(self._told.aggregates)
        return self._told

    def kept(self, collection: str) -> "DefinitionSet":
        """What a profile of the collection keeps: a user also the aggregates of accounts, so as to bring the past."""
        return self if collection == "users" else self.told

    def named(self, collection: str = "users") -> Mapping[str, Definition]:
        return self._named[collection]

    def readers(self, collection: str) -> Readers:
        found = self._readers.get(collection)
        if found is None:
            found = self._readers[collection] = Readers(self.formulas[collection])
        return found

    def listens(self, event_name: str | None) -> bool:
        """Whether any definition looks at events of this name."""
        return event_name in self._by_event

    def listening(self, event_name: str | None) -> list[Aggregate]:
        return self._by_event.get(event_name, []) if event_name else []

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "version": self.version,
            "definitions": [
                {**formula.definition.to_data(), "tree": builder.to_json(formula.tree)}
                for formulas in self.formulas.values()
                for formula in formulas
            ],
        }
        if self.promotions:
            data["mappings"] = [mapping.to_data() for mapping in self.promotions.mappings]
        return data

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "DefinitionSet":
        definitions = []
        for entry in data["definitions"]:
            stored = {key: value for key, value in entry.items() if key != "tree"}
            definitions.append((Definition.of_data(stored), builder.of_json(entry["tree"])))
        return cls(data["version"], definitions, map(TraitMapping.of_data, data.get("mappings", ())))


def _by_event(aggregates: Mapping[str, Aggregate]) -> dict[str, list[Aggregate]]:
    found: dict[str, list[Aggregate]] = {}
    for aggregate in aggregates.values():
        found.setdefault(aggregate.event, []).append(aggregate)
    return found
