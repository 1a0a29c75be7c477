"""A definition compiled: from a frame to its value (None: no value), and the aggregates that it reads."""

from collections.abc import Callable
from typing import Any

from personas.core.compute import questions
from personas.core.compute.aggregate import Aggregate
from personas.core.compute.conditions import Holds, Operand, Single, Special, compiled
from personas.core.compute.fields import walk
from personas.core.compute.frame import Frame
from personas.core.compute.funnels import Listed
from personas.core.compute.monoids import CUT
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

Value = Callable[[Frame], Any]
Looked = tuple[Any, int | None, bool]
"""A definition's value, the hour of its own schedule at which it may change, and whether something that it read has
more distinct values than are kept."""
Looking = Callable[[Frame, frozenset[str]], Looked]
"""The second argument: the types of the profile's identifiers, of which a member needs one."""
Look = Callable[[Frame], tuple[Any, bool]]
"""The partial of a reduced stream, and whether it has ever seen an event."""


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

    def _looking(self) -> Looking:
        definition, options = self.definition, self.definition.options
        hourly = options.every_hours == 1
        if hourly and isinstance(self.tree, Reduced) and not is_listed(self.tree.stream):
            return _directly(self._registered(Aggregate.of(self.tree, self.since)), reading(self.tree))
        value, scheduled = self._compiled(), options.scheduled
        needs = definition.kind == "audience" and definition.collection == "users"
        admitted = frozenset(options.external_ids) if needs else None

        def look(frame: Frame, types: frozenset[str]) -> Looked:
            if admitted is not None and types.isdisjoint(admitted):
                return False, None, False
            frame.capped, frame.due = False, None
            found, due = value(frame), frame.due
            return found, due if hourly or due is None else scheduled(due), frame.capped

        return look

    def _compiled(self) -> Value:
        tree = self.tree
        if isinstance(tree, CONDITIONS):
            return compiled(tree, self._operand, self._special, self._single)
        if isinstance(tree, Reduced):
            look, read = self._look(tree), reading(tree)

            def reduced(frame: Frame) -> Any:
                partial, seen = look(frame)
                return read(partial) if seen else None

            return reduced
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

    def _read(self, reduced: Reduced) -> Single:
        look, read = self._look(reduced), reading(reduced)
        return lambda frame: read(look(frame)[0])

    def _look(self, reduced: Reduced) -> Look:
        if is_listed(reduced.stream):
            return Listed(reduced, self.since, self._registered, _trait).partial
        aggregate = self._registered(Aggregate.of(reduced, self.since))
        return lambda frame: frame.look(aggregate)

    def _registered(self, aggregate: Aggregate) -> Aggregate:
        aggregate = aggregate.counted_anew(self.definition.options.anew)
        aggregate = aggregate.kept_since(self._kept_since(aggregate.id))
        self.needs.add(aggregate.id)
        return self._aggregates.setdefault(aggregate.id, aggregate)


def _directly(aggregate: Aggregate, read: Callable[[Any], Any]) -> Looking:
    """The most usual definition by far, one aggregate read each hour, without a detour."""
    name = aggregate.id

    def look_at_total(frame: Frame, _types: frozenset[str]) -> Looked:
        packed = frame.packed.get(name)
        if packed is None or "f" in packed:
            return look(frame, _types)
        partial = packed.get("t")
        cut = partial.__class__ is dict and CUT in partial
        return read(partial) if "s" not in packed else None, None, cut

    def look(frame: Frame, _types: frozenset[str]) -> Looked:
        partial, seen, due, cut = frame.found.get(name) or frame.find(aggregate)
        return read(partial) if seen else None, due, cut

    return look if aggregate.window else look_at_total


def _trait(trait: Trait) -> Operand:
    key, (_, *steps) = trait.key, trait.path.steps
    if not steps:
        return lambda frame: [] if (value := frame.trait(key)) is None else [value]
    return lambda frame: [value for value in walk(frame.trait(key), tuple(steps)) if value is not None]
