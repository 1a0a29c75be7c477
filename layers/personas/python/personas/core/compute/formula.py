"""A definition compiled: from a frame to its value (None: no value), and the aggregates that it reads."""

from collections.abc import Callable
from typing import Any

from personas.core.compute import questions
from personas.core.compute.aggregate import Aggregate
from personas.core.compute.conditions import Holds, Operand, Single, Special, compiled
from personas.core.compute.fields import walk
from personas.core.compute.frame import FAR, Frame
from personas.core.compute.funnels import Listed
from personas.core.compute.looking import Value, operand_of, value_of
from personas.core.compute.questions import Asked
from personas.core.compute.reading import reading
from personas.core.compute.relative import relative
from personas.core.compute.streams import is_listed
from personas.core.query.definition import Definition
from personas.core.query.formatter import format_query
from personas.core.query.tree import (
    CONDITIONS,
    AllMembers,
    AnyMember,
    Condition,
    Literal,
    Query,
    Reduced,
    Scalar,
    Trait,
)
from personas.core.values import plain


class Formula:
    __slots__ = ("_aggregates", "_kept_since", "asks", "definition", "key", "look", "needs", "since", "tree")

    def __init__(
        self, definition: Definition, tree: Query, aggregates: dict[str, Aggregate], kept_since: Callable[[str], int]
    ) -> None:
        """Aggregates that it needs and that are not yet among the given ones are added to them; `kept_since` tells by
        their meaning since which version they are kept."""
        self.definition = definition
        self.key = definition.key
        self.tree = tree
        self.since = definition.options.since
        self.needs: set[str] = set()
        """The ids of the aggregates that it reads."""
        self.asks: dict[str, Condition] = {}
        """By question, what it asks of each user of the account."""
        self._aggregates = aggregates
        self._kept_since = kept_since
        self.look = self._looking()

    def _looking(self) -> Value:
        """What the definition says in a frame (None: no value)."""
        definition, options, value = self.definition, self.definition.options, self._compiled()
        if options.every_hours != 1:
            value = _on_schedule(value, options.scheduled)
        if definition.kind == "audience" and definition.collection == "users":
            value = _admitting(value, frozenset(options.external_ids))
        return value

    def _compiled(self) -> Value:
        tree = self.tree
        if isinstance(tree, CONDITIONS):
            return compiled(tree, self._operand, self._special, self._single)
        if isinstance(tree, Reduced):
            return self._reduced(tree)
        operand = self._operand(tree)

        def first(frame: Frame) -> Any:
            found = operand(frame)
            return plain(found[0]) if found else None

        return first

    def _special(self, found: Special) -> Holds | None:
        if not isinstance(found, (AnyMember, AllMembers)):
            return relative(found, self._operand, lambda frame: frame)
        asked = Asked.of(found)
        question = self._since(questions.of_condition(asked.condition, self.definition.options))
        self.asks[question] = asked.condition
        return lambda frame: frame.ask(asked, question)

    def _since(self, meaning: str) -> str:
        version = self._kept_since(meaning)
        return f"{meaning}.{version}" if version else meaning

    def _operand(self, scalar: Scalar) -> Operand:
        if isinstance(scalar, Literal):
            values = [scalar.value]
            return lambda _frame: values
        if isinstance(scalar, Trait):
            return _trait(scalar)
        if not isinstance(scalar, Reduced):
            raise TypeError(f"{format_query(scalar)} has a place only inside where() or a reducer")
        read = self._read(scalar)
        return lambda frame: [] if (value := read(frame)) is None else [value]

    def _single(self, scalar: Scalar) -> Single | None:
        if isinstance(scalar, Trait) and len(scalar.path.steps) == 1:
            key = scalar.key
            return lambda frame: frame.trait(key)
        if isinstance(scalar, Reduced):
            return self._read(scalar)
        return None

    def _reduced(self, reduced: Reduced) -> Value:
        if not is_listed(reduced.stream):
            return value_of(self._registered(Aggregate.of(reduced, self.since)), reading(reduced))
        listed = Listed(reduced, self.since, self._registered, _trait)

        def value(frame: Frame) -> Any:
            partial, seen = listed.partial(frame)
            return listed.read(partial) if seen else None

        return value

    def _read(self, reduced: Reduced) -> Value:
        if not is_listed(reduced.stream):
            return operand_of(self._registered(Aggregate.of(reduced, self.since)), reading(reduced))
        listed = Listed(reduced, self.since, self._registered, _trait)
        return lambda frame: listed.read(listed.partial(frame)[0])

    def _registered(self, aggregate: Aggregate) -> Aggregate:
        aggregate = aggregate.counted_anew(self.definition.options.anew)
        aggregate = aggregate.kept_since(self._kept_since(aggregate.id))
        self.needs.add(aggregate.id)
        return self._aggregates.setdefault(aggregate.id, aggregate)


def _on_schedule(value: Value, scheduled: Callable[[int], int]) -> Value:
    """It changes only at the hours of the definition's own schedule."""

    def look(frame: Frame) -> Any:
        due, frame.due = frame.due, FAR
        found = value(frame)
        frame.due = min(due, FAR if frame.due == FAR else scheduled(frame.due))
        return found

    return look


def _admitting(value: Value, types: frozenset[str]) -> Value:
    return lambda frame: False if frame.types.isdisjoint(types) else value(frame)


def _trait(trait: Trait) -> Operand:
    key, (_, *steps) = trait.key, trait.path.steps
    if not steps:
        return lambda frame: [] if (value := frame.trait(key)) is None else [value]
    return lambda frame: [value for value in walk(frame.trait(key), tuple(steps)) if value is not None]
