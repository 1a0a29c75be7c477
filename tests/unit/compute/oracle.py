"""What definitions mean, said in the plainest way: over a list of events, at a moment, by the rules of docs/query.md.

No tiles, no sharing, no cleverness. Only what a value is (`personas.core.values`, held against a table) is shared.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from personas.core.event import Event
from personas.core.moments import DAY, HOUR
from personas.core.query.checker import check
from personas.core.query.definition import Definition
from personas.core.query.formatter import format_query
from personas.core.query.tree import (
    CONDITIONS,
    AllMembers,
    And,
    AnyMember,
    Between,
    BetweenParent,
    Comparison,
    Condition,
    Duration,
    Field,
    Literal,
    Not,
    Or,
    Query,
    Reduced,
    Scalar,
    Session,
    Stream,
    Trait,
    Window,
    Within,
    WithinParent,
)
from personas.core.query.walking import walk
from personas.core.values import equal, moment_of, number_of, order_of, plain, text_of


class Link(NamedTuple):
    event: Event
    stream: Stream


Chain = tuple[Link, ...]
"""The event that is looked at, the parent of which it is a child in a funnel, and so on."""


class Oracle:
    def __init__(
        self,
        definitions: Collection[Definition],
        events: Collection[Event],
        traits: Mapping[str, Any],
        held: Collection[str],
        at: int,
        most: int = 10_000,
        users: "Collection[Oracle]" = (),
    ) -> None:
        """`users` are those of an account, by the definitions of users."""
        self.users = users
        self.definitions = {definition.key: definition for definition in definitions}
        self.happened = [event for event in events if event.at <= at]
        self.traits, self.held, self.at, self.most = traits, held, at, most
        self.capped: set[str] = set()

    def values(self) -> dict[str, Any]:
        values = {key: self.value_of(definition) for key, definition in self.definitions.items()}
        return {key: value for key, value in values.items() if value is not None}

    def value_of(self, definition: Definition) -> Any:
        tree = tree_of(definition)
        events = [e for e in self.happened if definition.options.since is None or e.at >= definition.options.since]
        reader = _Reader(self, definition.key, events)
        if isinstance(tree, CONDITIONS):
            known = any(type_ in self.held for type_ in definition.options.external_ids)
            return known and reader.holds(tree)
        if isinstance(tree, Reduced) and not reader.seen(tree.stream):
            return None
        found = reader.scalar(tree)
        return plain(found[0]) if found else None


class _Reader:
    """Reads one definition."""

    def __init__(self, oracle: Oracle, key: str, events: list[Event]) -> None:
        self.oracle, self.key, self.events = oracle, key, events

    def holds(self, condition: Condition, chain: Chain = ()) -> bool:
        match condition:
            case And(parts):
                return all(self.holds(part, chain) for part in parts)
            case Or(parts):
                return any(self.holds(part, chain) for part in parts)
            case Not(part):
                return not self.holds(part, chain)
            case AnyMember(part):
                return any(reader.holds(part) for reader in self.of_users())
            case AllMembers(part):
                return bool(self.oracle.users) and all(reader.holds(part) for reader in self.of_users())
        assert isinstance(condition, Comparison)
        return self.compares(condition, chain)

    def of_users(self) -> "list[_Reader]":
        since = self.oracle.definitions[self.key].options.since
        return [
            _Reader(user, self.key, [event for event in user.happened if since is None or event.at >= since])
            for user in self.oracle.users
        ]

    def compares(self, comparison: Comparison, chain: Chain) -> bool:
        values = self.scalar(comparison.subject, chain)
        operator, arguments = comparison.operator, comparison.arguments
        if arguments and isinstance(arguments[0], Duration):
            return any(self.is_relative(operator, value, arguments[0]) for value in values)
        if operator in ("differs", "none_of") and not values:
            return False  # whatever there is to compare with: it is not read
        others = [other for argument in arguments for other in self.scalar(argument, chain)]
        match operator:
            case "exists":
                return bool(values)
            case "absent":
                return not values
            case "differs" | "none_of":
                return bool(others) and not any(equal(v, o) for v in values for o in others)
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

    def scalar(self, scalar: Scalar, chain: Chain = ()) -> list[Any]:
        """The values that it has: none, one, or with `$` several."""
        match scalar:
            case Literal(value):
                return [value]
            case Trait():
                definition = self.oracle.definitions.get(scalar.key)
                found = self.oracle.value_of(definition) if definition else self.oracle.traits.get(scalar.key)
                return at_path(found, scalar.path.steps[1:])
            case Field():
                return read(scalar, chain[1 if scalar.parent else 0].event)
        value = self.reduce(scalar, self.events_of(scalar, chain))
        return [] if value is None else [value]

    def seen(self, stream: Stream) -> bool:
        """Whether there was an event that meets what can be said of it alone."""
        return any(self.meets_alone(stream, event) for event in self.events)

    def meets_alone(self, stream: Stream, event: Event) -> bool:
        named = event.name == stream.event and event.source not in stream.excluded
        alone = [part for part in parts_of(stream.where) if speaks_alone(part)]
        return named and all(self.holds(part, (Link(event, stream),)) for part in alone)

    def events_of(self, reduced: Reduced, chain: Chain) -> list[Event]:
        stream = reduced.stream
        found = [event for event in self.events if self.meets_alone(stream, event)]
        others = [part for part in parts_of(stream.where) if not speaks_alone(part)]
        if chain or others or isinstance(stream.window, Session):
            found = self.newest(reduced, [event for event in found if self.is_in_reach(event.at, stream, chain)])
        found = [event for event in found if self.in_window(event.at, stream.window, chain)]
        for part in others:
            found = [event for event in found if self.holds(part, (Link(event, stream), *chain))]
        return self.session(found, stream.window.pause.ms) if isinstance(stream.window, Session) else found

    def is_in_reach(self, at: int, stream: Stream, chain: Chain) -> bool:
        """Whether an event of a list is kept: for as long as the window, or that of the nearest parent, can see it."""
        full_hour = self.oracle.at // HOUR * HOUR
        if isinstance(stream.window, Within | Between):
            return self.in_window(at, stream.window, ())
        for window in (stream.window, *(link.stream.window for link in chain)):
            match window:
                case Within(span) | Between(_, span):
                    return at >= full_hour - span.ms
                case Session(pause):
                    return at >= full_hour - max(30 * DAY, 2 * pause.ms)
        return True

    def newest(self, reduced: Reduced, events: list[Event]) -> list[Event]:
        """Of a list only so many different events are kept: the newest. They differ in time or in a field asked for."""
        fields = fields_asked(reduced)
        values = [[[plain(value) for value in read(field, event)] for field in fields] for event in events]
        entries = [(event.at, text_of([event.at, *found])) for event, found in zip(events, values, strict=True)]
        kept = sorted(set(entries), reverse=True)
        if len(kept) > self.oracle.most:
            self.oracle.capped.add(self.key)
        return [event for event, entry in zip(events, entries, strict=True) if entry in kept[: self.oracle.most]]

    def session(self, events: list[Event], pause: int) -> list[Event]:
        latest: list[Event] = []
        for event in sorted(events, key=lambda event: event.at):
            latest = [*latest, event] if latest and event.at - latest[-1].at < pause else [event]
        return latest if latest and self.oracle.at - latest[-1].at < pause else []

    def in_window(self, at: int, window: Window | None, chain: Chain) -> bool:
        full_hour = self.oracle.at // HOUR * HOUR
        if chain and at <= chain[0].event.at:
            return False
        match window:
            case Within(span):
                return full_hour - span.ms <= at <= self.oracle.at
            case Between(start, end):
                return full_hour - end.ms <= at < full_hour - start.ms
            case WithinParent(span):
                return at <= chain[0].event.at + span.ms
            case BetweenParent(start, end):
                return chain[0].event.at + start.ms < at <= chain[0].event.at + end.ms
        return True

    def reduce(self, reduced: Reduced, events: list[Event]) -> Any:
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
        distinct = self.kept(list({text_of([plain(value)]): plain(value) for value in values}.values()))
        return len(distinct) if reduced.reducer == "unique_count" else sorted(distinct, key=order_of) or None

    def mode(self, reduced: Reduced, events: list[Event]) -> Any:
        assert reduced.field
        found: list[Any] = []
        for event in events:
            values = read(reduced.field, event)
            if reduced.reads == "array" and reduced.field.path.many:
                found += [text_of([plain(value) for value in values])] if values else []
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


@lru_cache(1_000)
def tree_of(definition: Definition) -> Query:
    """Parsed once, as many lists of events are held against one definition."""
    return check(definition)


def takes(definition: Definition, event: Event) -> bool:
    """Whether the event is in any of its streams, by what can be said of it alone."""
    since, tree = definition.options.since, tree_of(definition)
    reader = _Reader(Oracle([definition], [event], {}, (), event.at), definition.key, [event])
    counts = since is None or event.at >= since
    return counts and any(reader.seen(node) for node in walk(tree) if isinstance(node, Stream))


def parts_of(where: Condition | None) -> tuple[Condition, ...]:
    return () if where is None else where.parts if isinstance(where, And) else (where,)


def speaks_alone(condition: Condition) -> bool:
    """Whether it asks for nothing but the event itself."""
    for node in walk(condition):
        if isinstance(node, (Trait, Reduced)) or (isinstance(node, Field) and node.parent):
            return False
        if isinstance(node, Comparison) and node.arguments and isinstance(node.arguments[0], Duration):
            return False
    return True


def fields_asked(reduced: Reduced) -> list[Field]:
    """What of the stream's events is asked for by what does not speak of them alone, in the order of the text."""
    found = {reduced.field} if reduced.field else set()
    for part in parts_of(reduced.stream.where):
        if not speaks_alone(part):
            found |= {field for field in fields_at(part, 0) if not field.parent}
            found |= {replace(field, parent=False) for field in fields_at(part, 1) if field.parent}
    return sorted(found, key=format_query)


def fields_at(node: Any, depth: int) -> set[Field]:
    """The fields in a condition, inside so many events."""
    if isinstance(node, Field):
        return set() if depth else {node}
    if isinstance(node, Reduced):
        return fields_at(node.stream.where, depth - 1) if depth else set()
    parts = [getattr(node, name) for name in ("subject", "arguments", "parts", "part") if hasattr(node, name)]
    several = [each for part in parts for each in (part if isinstance(part, tuple) else (part,))]
    return {field for each in several for field in fields_at(each, depth)}


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
