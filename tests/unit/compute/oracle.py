"""What definitions mean, said in the plainest way: over a list of events, at a moment, by the rules of docs/query.md.

No tiles, no sharing, no cleverness. Only what a value is (`personas.core.values`, held against a table) is shared.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from personas.core.event import Event
from personas.core.moments import DAY, HOUR
from personas.core.query.checker import check
from personas.core.query.definition import Definition
from personas.core.query.tree import (
    CONDITIONS,
    And,
    Between,
    Comparison,
    Condition,
    Duration,
    Field,
    Literal,
    Not,
    Or,
    Reduced,
    Scalar,
    Stream,
    Trait,
    Within,
)
from personas.core.values import equal, moment_of, number_of, order_of, plain, text_of


class Oracle:
    def __init__(
        self,
        definitions: Collection[Definition],
        events: Collection[Event],
        traits: Mapping[str, Any],
        held: Collection[str],
        at: int,
        most: int = 10_000,
    ) -> None:
        self.definitions = {definition.key: definition for definition in definitions}
        self.happened = [event for event in events if event.at <= at]
        self.traits, self.held, self.at, self.most = traits, held, at, most
        self.capped: set[str] = set()

    def values(self) -> dict[str, Any]:
        values = {key: self.value_of(definition) for key, definition in self.definitions.items()}
        return {key: value for key, value in values.items() if value is not None}

    def value_of(self, definition: Definition) -> Any:
        tree = check(definition)
        events = [e for e in self.happened if definition.options.since is None or e.at >= definition.options.since]
        reader = _Reader(self, definition.key, events)
        if isinstance(tree, CONDITIONS):
            known = any(type_ in self.held for type_ in definition.options.external_ids)
            return known and reader.holds(tree)
        if isinstance(tree, Reduced) and not reader.matching(tree.stream):
            return None
        found = reader.scalar(tree)
        return plain(found[0]) if found else None


class _Reader:
    """Reads one definition."""

    def __init__(self, oracle: Oracle, key: str, events: list[Event]) -> None:
        self.oracle, self.key, self.events = oracle, key, events

    def holds(self, condition: Condition, event: Event | None = None) -> bool:
        match condition:
            case And(parts):
                return all(self.holds(part, event) for part in parts)
            case Or(parts):
                return any(self.holds(part, event) for part in parts)
            case Not(part):
                return not self.holds(part, event)
        return self.compares(condition, event)

    def compares(self, comparison: Comparison, event: Event | None) -> bool:
        values = self.scalar(comparison.subject, event)
        operator, arguments = comparison.operator, comparison.arguments
        if arguments and isinstance(arguments[0], Duration):
            return any(self.is_relative(operator, value, arguments[0]) for value in values)
        others = [other for argument in arguments for other in self.scalar(argument, event)]
        match operator:
            case "exists":
                return bool(values)
            case "absent":
                return not values
            case "differs" | "none_of":
                return bool(values and others) and not any(equal(v, o) for v in values for o in others)
            case "omits":
                return not any(compare("contains", v, o) for v in values for o in others)
        return any(compare(operator, value, other) for value in values for other in others)

    def is_relative(self, operator: str, value: Any, span: Duration) -> bool:
        moment = moment_of(value)
        if moment is None:
            return False
        unit = DAY if span.unit == "day" else HOUR
        then, now = moment // unit, self.oracle.at // unit
        match operator:
            case "within_last":
                return now - span.amount <= then <= now
            case "before_last":
                return then <= now - span.amount
            case "within_next":
                return now <= then <= now + span.amount
        return then >= now + span.amount

    def scalar(self, scalar: Scalar, event: Event | None = None) -> list[Any]:
        """The values that it has: none, one, or with `$` several."""
        match scalar:
            case Literal(value):
                return [value]
            case Trait():
                definition = self.oracle.definitions.get(scalar.key)
                found = self.oracle.value_of(definition) if definition else self.oracle.traits.get(scalar.key)
                return at_path(found, scalar.path.steps[1:])
            case Field():
                return read(scalar, event)
        value = self.reduce(scalar)
        return [] if value is None else [value]

    def matching(self, stream: Stream) -> list[Event]:
        """The events of the stream, in the window or not."""
        named = [event for event in self.events if event.name == stream.event]
        return [event for event in named if stream.where is None or self.holds(stream.where, event)]

    def in_window(self, at: int, window: Within | Between | None) -> bool:
        full_hour = self.oracle.at // HOUR * HOUR
        if isinstance(window, Within):
            return full_hour - window.duration.ms <= at <= self.oracle.at
        if isinstance(window, Between):
            return full_hour - window.end.ms <= at < full_hour - window.start.ms
        return True

    def reduce(self, reduced: Reduced) -> Any:
        events = [event for event in self.matching(reduced.stream) if self.in_window(event.at, reduced.stream.window)]
        if reduced.field is None:
            return len(events)
        pairs = [(event.at, value) for event in events for value in read(reduced.field, event)]
        values = [value for _at, value in pairs]
        numbers = [number for value in values if (number := number_of(value)) is not None]
        match reduced.reducer:
            case "sum":
                return number_of(rounded(exact_sum(numbers)))
            case "avg":
                return number_of(rounded(exact_sum(numbers) / len(numbers))) if numbers else None
            case "min" | "max":
                pick = min if reduced.reducer == "min" else max
                comparable = [text_of(value) for value in values] if reduced.reads == "string" else numbers
                return pick(comparable, default=None)
            case "first":
                return min(pairs, key=lambda pair: (pair[0], order_of(plain(pair[1]))), default=(0, None))[1]
            case "last":
                return max(pairs, key=lambda pair: (pair[0], order_of(plain(pair[1]))), default=(0, None))[1]
            case "mode":
                return self.mode(reduced, events)
        distinct = self.kept(list({text_of([value]): plain(value) for value in values}.values()))
        return len(distinct) if reduced.reducer == "unique_count" else sorted(distinct, key=order_of) or None

    def mode(self, reduced: Reduced, events: list[Event]) -> Any:
        assert reduced.field
        found: list[Any] = []
        for event in events:
            values = read(reduced.field, event)
            if reduced.reads == "array" and reduced.field.path.many:
                found += [text_of(values)] if values else []
            elif reduced.reads == "number":
                found += [number for value in values if (number := number_of(value)) is not None]
            else:
                found += [text_of(value) for value in values]
        kept = self.kept(list(set(found)))
        counts = Counter(value for value in found if value in kept)
        most = max(counts.values(), default=0)
        frequent = [value for value, count in counts.items() if count == most]
        minimum = 2 if reduced.minimum is None else reduced.minimum
        return min(frequent, key=text_of) if most >= minimum and frequent else None

    def kept(self, distinct: list[Any]) -> list[Any]:
        """At most so many distinct values are kept: the first ones, what is not text before texts."""
        ordered = sorted(distinct, key=lambda value: (isinstance(value, str), text_of(value)))
        if len(ordered) > self.oracle.most:
            self.oracle.capped.add(self.key)
        return ordered[: self.oracle.most]


def compare(operator: str, value: Any, other: Any) -> bool:
    match operator:
        case "equals" | "one_of":
            return equal(value, other)
        case "contains" | "starts_with" | "ends_with":
            texts = [text_of(entry) for entry in value] if isinstance(value, list) else [text_of(value)]
            test = {"contains": str.__contains__, "starts_with": str.startswith, "ends_with": str.endswith}[operator]
            return any(test(text, text_of(other)) for text in texts)
        case "before_date" | "after_date":
            then, border = moment_of(value), moment_of(other)
            if then is None or border is None:
                return False
            return then < border if operator == "before_date" else then > border
    if not (isinstance(value, str) and isinstance(other, str)):
        value, other = number_of(value), number_of(other)
    if value is None or other is None:
        return False
    match operator:
        case "greater_than":
            return bool(value > other)
        case "at_least":
            return bool(value >= other)
        case "less_than":
            return bool(value < other)
    return bool(value <= other)


def read(field: Field, event: Event | None) -> list[Any]:
    assert event
    return at_path(event.properties if field.place == "property" else event.context, field.path.steps)


def at_path(found: Any, steps: tuple[str | None, ...]) -> list[Any]:
    if found is None:
        return []
    if not steps:
        return [found]
    first, *others = steps
    if first is None:
        entries = found if isinstance(found, list) else []
        return [value for entry in entries for value in at_path(entry, tuple(others))]
    return at_path(found.get(first), tuple(others)) if isinstance(found, dict) else []


def exact_sum(numbers: list[int | float]) -> Fraction:
    return sum((Fraction(Decimal(repr(number))) for number in numbers), Fraction())


def rounded(number: Fraction) -> int | float | None:
    try:
        return int(number) if number.denominator == 1 and abs(number) < 2**63 else float(number)
    except OverflowError:
        return None
