"""All definitions of a space at one version, compiled: what to keep of which event, and how to evaluate a profile.

Some definitions are **coming**: what they need is kept already, and their values are not read before a backfill has
added the past. Building a set from queries needs the parser; loading a stored one does not, so that the functions that
handle events never import it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from personas.core.compute import questions
from personas.core.compute.aggregate import Aggregate
from personas.core.compute.formula import Formula
from personas.core.compute.listeners import Listeners
from personas.core.compute.touched import Readers
from personas.core.compute.trait_mapping import Promotions, TraitMapping
from personas.core.errors import InvalidInput
from personas.core.query import builder
from personas.core.query.definition import Definition
from personas.core.query.references import Named, evaluation_order
from personas.core.query.tree import Query, Trait
from personas.core.query.walking import walk

Compiled = tuple[Definition, Query]
_NOTHING: Mapping[Definition, Query] = {}
OF_ACCOUNTS = "accounts:"
"""Before the meaning of an aggregate: as what accounts keep of their users' events. They may be given it later than
users keep it for themselves, and lack its past then; whatever they are given, users have."""


class DefinitionSet:
    """Immutable once built. `aggregates` are by id, `formulas` by collection and in the order of evaluation.

    `members` are the users who have an account: they also evaluate what accounts ask of them.
    """

    __slots__ = (
        "_by_event",
        "_named",
        "_readers",
        "_shared",
        "_told",
        "aggregates",
        "asked_of_accounts",
        "asked_of_members",
        "coming",
        "formulas",
        "kept_since",
        "lacking",
        "promotions",
        "version",
    )

    def __init__(
        self,
        version: int,
        definitions: Iterable[Compiled],
        mappings: Iterable[TraitMapping] = (),
        coming: Iterable[Compiled] = (),
        kept_since: Mapping[str, int] | None = None,
    ) -> None:
        """The definitions in the order of evaluation. `kept_since` is the set's that it follows: an aggregate that is
        not in it is kept since this version. None: the set stands alone, and its aggregates are kept since ever."""
        self.promotions = Promotions(mappings)
        self.version = version
        self.kept_since: dict[str, int] = {}
        """Of each aggregate, by its meaning, the version since which it is kept without a break."""

        def since(meaning: str) -> int:
            found = 0 if kept_since is None else kept_since.get(meaning, kept_since.get(OF_ACCOUNTS + meaning, version))
            return self.kept_since.setdefault(meaning, found)

        def since_of_accounts(meaning: str) -> int:
            return since(meaning if questions.is_question(meaning) else OF_ACCOUNTS + meaning)

        sinces = {"users": since, "accounts": since_of_accounts}
        self.aggregates: dict[str, Aggregate] = {}
        self.formulas: dict[str, list[Formula]] = {"users": [], "accounts": []}
        for definition, tree in definitions:
            formula = Formula(definition, tree, self.aggregates, sinces[definition.collection])
            self.formulas[definition.collection].append(formula)
        asking = self._asking(self.formulas["accounts"], since)
        self.asked_of_members = tuple(formula.definition.key for formula in asking)
        """Questions of accounts, which are also the keys of their formulas."""
        self.formulas["members"] = [*self.formulas["users"], *asking]
        self.asked_of_accounts = self._asked_of_accounts(since)
        """Questions of users, by the key of the account audience."""
        complete = frozenset(self.aggregates)
        self.coming = tuple(coming)
        prepared = [Formula(one, tree, self.aggregates, sinces[one.collection]) for one, tree in self.coming]
        to_come = [formula for formula in prepared if formula.definition.collection == "accounts"]
        self._asking(to_come, since)
        self.lacking = frozenset(self.aggregates) - complete
        """The ids of the aggregates to which a backfill is still to add the past, also of what accounts will ask."""
        self._shared = {needed for formula in (*self.formulas["accounts"], *to_come) for needed in formula.needs}
        self._named = {
            collection: {formula.definition.key: formula.definition for formula in self.formulas[collection]}
            for collection in ("users", "accounts")
        }
        self._named["members"] = self._named["users"]
        self._by_event = _by_event(self.aggregates)
        self._told: DefinitionSet | None = None
        self._readers: dict[str, Readers] = {}

    @classmethod
    def of(
        cls,
        version: int,
        definitions: Iterable[Definition],
        mappings: Iterable[TraitMapping] = (),
        coming: Iterable[Definition] = (),
        kept_since: Mapping[str, int] | None = None,
        known: Mapping[Definition, Query] = _NOTHING,
    ) -> "DefinitionSet":
        """`known` are definitions that were checked and parsed before, with their trees.

        Raises InvalidQuery (which names the definition), CyclicDefinitions, or InvalidInput for a key used twice.
        """
        live, prepared = ordered(definitions, known), ordered(coming, known, alone=False)
        return cls(version, live, mappings, prepared, kept_since)

    @classmethod
    def empty(cls) -> "DefinitionSet":
        return cls(0, (), kept_since={})

    @property
    def trees(self) -> dict[Definition, Query]:
        live = (formula for collection in ("users", "accounts") for formula in self.formulas[collection])
        return {**dict(self.coming), **{formula.definition: formula.tree for formula in live}}

    @property
    def size(self) -> int:
        """How many definitions it has, with those that are coming."""
        return sum(len(self.formulas[collection]) for collection in ("users", "accounts")) + len(self.coming)

    @property
    def told(self) -> "DefinitionSet":
        """Only the aggregates over the events of all members, which a user's actor folds for the user's accounts."""
        if self._told is None:
            self._told = DefinitionSet(self.version, ())
            self._told.aggregates = {needed: self.aggregates[needed] for needed in sorted(self._shared)}
            self._told._by_event = _by_event(self._told.aggregates)
        return self._told

    def asked_by(self, collection: str) -> Mapping[str, str]:
        """The questions to the other level that lie behind keys of traits."""
        return {} if collection == "accounts" else self.asked_of_accounts

    def answering(self, collection: str) -> Mapping[str, str]:
        """By question, the key of what answers it."""
        if collection == "accounts":
            return {question: key for key, question in self.asked_of_accounts.items()}
        return {question: question for question in self.asked_of_members} if collection == "members" else {}

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

    def looking_at(self, names: Collection[str | None]) -> frozenset[str]:
        """The ids of the definitions of accounts that look at any of these events."""
        return frozenset(
            formula.definition.id
            for formula in self.formulas["accounts"]
            if any(self.aggregates[needed].event in names for needed in formula.needs)
        )

    def listens(self, event_name: str | None) -> bool:
        """Whether any definition looks at events of this name."""
        return event_name in self._by_event

    def listening(self, event_name: str | None) -> Listeners | None:
        return self._by_event.get(event_name) if event_name else None

    @property
    def complete_since(self) -> dict[str, int]:
        """`kept_since` of the aggregates that have their past."""
        return {meaning: since for meaning, since in self.kept_since.items() if self._id(meaning) not in self.lacking}

    @property
    def lacking_since(self) -> dict[str, int]:
        """Of each lacking aggregate, the version since which it is kept: rows of before lack in it."""
        kept = {self._id(meaning): since for meaning, since in self.kept_since.items()}
        return {lacking: kept[lacking] for lacking in self.lacking}

    def lacked_at(self, version: int, among: Collection[str] | None = None) -> "DefinitionSet":
        """Only the lacking aggregates (among these, where they are named), of them those that were not kept yet at the
        version: to which a backfill adds what was folded then."""
        kept = self.lacking_since
        asked = sorted(self.lacking if among is None else self.lacking.intersection(among))
        part = DefinitionSet(self.version, ())
        part.aggregates = {id: self.aggregates[id] for id in asked if version < kept[id]}
        part._by_event = _by_event(part.aggregates)
        return part

    def _id(self, meaning: str) -> str:
        since, meaning = self.kept_since[meaning], meaning.removeprefix(OF_ACCOUNTS)
        return f"{meaning}.{since}" if since else meaning

    def _asking(self, formulas: Iterable[Formula], since: Callable[[str], int]) -> list[Formula]:
        """What these ask of each user, as formulas of users."""
        found: dict[str, Formula] = {}
        for formula in formulas:
            for question, condition in formula.asks.items():
                if question not in found:
                    asked = questions.asking(question, condition, formula.definition.options)
                    found[question] = Formula(asked, condition, self.aggregates, since)
        return list(found.values())

    def _asked_of_accounts(self, since: Callable[[str], int]) -> dict[str, str]:
        """An account audience that users refer to; one of their own definitions of the same key goes before it."""
        own = {formula.definition.key for formula in self.formulas["users"]}
        read = {
            node.key for formula in self.formulas["members"] for node in walk(formula.tree) if isinstance(node, Trait)
        }
        found: dict[str, str] = {}
        for formula in self.formulas["accounts"]:
            definition = formula.definition
            if definition.kind == "audience" and definition.key in read and definition.key not in own:
                meaning = questions.of_audience(definition)
                found[definition.key] = f"{meaning}.{version}" if (version := since(meaning)) else meaning
        return found

    def to_data(self) -> dict[str, Any]:
        levels = (self.formulas["users"], self.formulas["accounts"])
        live = [(formula.definition, formula.tree) for formulas in levels for formula in formulas]
        data: dict[str, Any] = {
            "version": self.version,
            "definitions": [_compiled_data(*one) for one in live],
            "coming": [_compiled_data(*one) for one in self.coming],
            "kept_since": self.kept_since,
        }
        if self.promotions:
            data["mappings"] = [mapping.to_data() for mapping in self.promotions.mappings]
        return data

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "DefinitionSet":
        live, coming = (
            [_compiled_of_data(entry) for entry in data.get(part, ())] for part in ("definitions", "coming")
        )
        mappings = map(TraitMapping.of_data, data.get("mappings", ()))
        return cls(data["version"], live, mappings, coming, data.get("kept_since"))


def ordered(
    definitions: Iterable[Definition], parsed: Mapping[Definition, Query] = _NOTHING, alone: bool = True
) -> list[Compiled]:
    """Checked, parsed, and in the order of evaluation; `alone` refuses references in a circle among them.

    Raises InvalidQuery (which names the definition), CyclicDefinitions, or InvalidInput for a key used twice.
    """
    from personas.core.query.checker import check

    trees: dict[Named, Query] = {}
    known: dict[Named, Definition] = {}
    for definition in definitions:
        name = (definition.collection, definition.key)
        if name in trees:
            raise InvalidInput(f"the key {definition.key} is used by two definitions", "name")
        trees[name] = parsed.get(definition) or check(definition)
        known[name] = definition
    return [(known[name], trees[name]) for name in (evaluation_order(trees) if alone else trees)]


def _by_event(aggregates: Mapping[str, Aggregate]) -> dict[str, Listeners]:
    found: dict[str, list[Aggregate]] = {}
    for aggregate in aggregates.values():
        found.setdefault(aggregate.event, []).append(aggregate)
    return {name: Listeners(listening) for name, listening in found.items()}


def _compiled_data(definition: Definition, tree: Query) -> dict[str, Any]:
    return {**definition.to_data(), "tree": builder.to_json(tree)}


def _compiled_of_data(entry: dict[str, Any]) -> Compiled:
    stored = {key: value for key, value in entry.items() if key != "tree"}
    return Definition.of_data(stored), builder.of_json(entry["tree"])
