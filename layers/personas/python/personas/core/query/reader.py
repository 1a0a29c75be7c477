"""Reads the meaning of a query that has the right form: each call by what it stands on (the reference's types).

`property` and `context` have a place only inside `where` or a reducer. An event inside `where` is a funnel's child, and
only such a one has a parent to refer to. ANY and ALL have a place in definitions of accounts, outside of each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import cast

from lark import Token, Tree

from personas.core.query import tree as syntax
from personas.core.query.arguments import Arguments
from personas.core.query.errors import InvalidQuery
from personas.core.query.tree import (
    CONDITIONS,
    Comparison,
    Condition,
    Field,
    Literal,
    Query,
    Reduced,
    Scalar,
    Stream,
    Trait,
    Window,
)
from personas.core.query.vocabulary import (
    COMPARATORS,
    EXTRACTORS,
    FILTERS,
    READS,
    REDUCING,
    SYMBOLS,
    UNSUPPORTED,
)

Form = Tree[Token]
Value = Query | Stream
JUNCTIONS: dict[str, Callable[[Condition], Condition]] = {
    "NOT": syntax.Not,
    "ANY": syntax.AnyMember,
    "ALL": syntax.AllMembers,
}
DEEPEST = 60
"""Levels of nesting, each of which takes up to ten frames of Python's stack."""


def read(form: Form, members: bool = True) -> Query:
    """`members` says whether ANY and ALL have a place; raises InvalidQuery."""
    value = _Reader(members=members).disjunction(_only(form))
    if isinstance(value, Stream):
        raise _error(form, "the events are not reduced to a value", ("a reducer such as .count()",), at_end=True)
    return value


class _Reader:
    def __init__(self, inside: str | None = None, depth: int = 0, events: int = 0, members: bool = False) -> None:
        self.inside = inside
        """`where` or the name of a reducer; None: neither."""
        self.depth = depth
        self.events = events
        """In the `where` of how many events this is, one inside the other."""
        self.members = members

    def disjunction(self, form: Form) -> Value:
        if self.depth > DEEPEST:
            raise _error(form, f"the query is nested deeper than {DEEPEST} levels")
        parts = [(part, self._conjunction(part)) for part in _forms(form)]
        return parts[0][1] if len(parts) == 1 else syntax.either(*_conditions(parts, "OR"))

    def _conjunction(self, form: Form) -> Value:
        parts = [(part, self._term(part)) for part in _forms(form)]
        return parts[0][1] if len(parts) == 1 else syntax.both(*_conditions(parts, "AND"))

    def _term(self, form: Form) -> Value:
        if form.data not in ("negation", "quantified"):
            return self._comparison(form)
        word = "NOT" if form.data == "negation" else str(form.children[0])
        members = self.members
        if word != "NOT" and not members:
            reason = "has a place only in an account's definition, and not inside where() or another ANY or ALL"
            raise _error(form, f"{word} {reason}")
        self.depth += 1
        if self.depth > DEEPEST:
            raise _error(form, f"the query is nested deeper than {DEEPEST} levels")
        self.members = members and word == "NOT"
        part = _forms(form)[0]
        (condition,) = _conditions([(part, self._term(part))], word)
        self.depth -= 1
        self.members = members
        return JUNCTIONS[word](condition)

    def _comparison(self, form: Form) -> Value:
        left = self._chain(cast(Form, form.children[0]))
        if len(form.children) == 1:
            return left
        sign, right = cast(Token, form.children[1]), cast(Form, form.children[2])
        subject = self._subject(left, form, f"{sign} …")
        argument = self._chain(right)
        if isinstance(argument, (Stream, *CONDITIONS)) or _is_list(argument):
            raise _error(right, f"{sign} compares with one value", ("a value such as 100, 'text' or trait('…')",))
        return Comparison(subject, SYMBOLS[str(sign)], (argument,))

    def _chain(self, form: Form) -> Value:
        head, *calls = _forms(form)
        if head.data == "literal":
            value: Value = Arguments.literal(head)
        elif head.data == "group":
            self.depth += 1
            value = self.disjunction(_only(head))
            self.depth -= 1
        else:
            value = self._extractor(head)
        for call in calls:
            value = self._apply(value, call)
        return value

    def _extractor(self, call: Form) -> Value:
        name, given = _name(call), Arguments(call)
        if name in UNSUPPORTED:
            raise _unsupported(call, UNSUPPORTED[name])
        if name in (*FILTERS, *REDUCING, *COMPARATORS):
            raise _error(call, f"{name}() has nothing to work on", ("event('…') or another extractor before it",))
        if name not in EXTRACTORS:
            raise _unknown(call, name, EXTRACTORS)
        of_parent = name in ("property", "context") and given.named("parent")
        if of_parent and (self.inside != "where" or self.events < 2):
            raise _error(call, f"{name}(parent: …) has a place only inside the where() of a funnel's second event")
        if name in ("event", "trait", "literal") and self.inside in REDUCING:
            raise _error(call, f"{self.inside}() reduces a property", ("property('…')", "context('…')"))
        if name == "literal":
            return given.only_literal()
        text = given.only_text()
        if name in ("property", "context") and not self.inside:
            raise _error(call, f"{name}() has a place only inside where() or a reducer", ("event('…')", "trait('…')"))
        if name == "event":
            return Stream(text)
        path = given.path(text)
        return Trait(path) if name == "trait" else Field(name, path, of_parent)

    def _apply(self, value: Value, call: Form) -> Value:
        name = _name(call)
        if name in UNSUPPORTED:
            raise _unsupported(call, UNSUPPORTED[name])
        if name not in (*FILTERS, *REDUCING, *COMPARATORS):
            fitting = (*FILTERS, *REDUCING) if isinstance(value, Stream) else tuple(COMPARATORS)
            raise _unknown(call, name, fitting)
        if isinstance(value, Stream):
            return self._on_stream(value, name, call)
        if isinstance(value, Reduced) and value.reducer == "unique" and name == "count":
            Arguments(call).none()
            return Reduced(value.stream, "unique_count", value.field)
        if name not in COMPARATORS:
            raise _error(call, f"{name}() works on events only", ("a comparison",))
        return self._compared(self._subject(value, call, f"{name}()"), name, call)

    def _on_stream(self, stream: Stream, name: str, call: Form) -> Value:
        given = Arguments(call)
        if name in COMPARATORS:
            raise _error(call, f"{name}() works on a value, not on events", ("a reducer such as .count() before it",))
        if name == "where":
            return replace(stream, where=self._where(stream, given.only_form()))
        if name == "sources":
            return replace(stream, excluded=self._excluded(stream, given, call))
        if name in FILTERS:
            return replace(stream, window=self._window(stream, name, given, call))
        if name == "count":
            given.none()
            return Reduced(stream, "count")
        return self._reduced(stream, name, given)

    def _excluded(self, stream: Stream, given: Arguments, call: Form) -> tuple[str, ...]:
        if not given.named("exclude"):
            at = call.meta
            reason = "sources() takes the ids of the sources that do not count"
            raise InvalidQuery(reason, at.line, at.column, (), "sources(exclude: 'id')")
        return tuple(dict.fromkeys((*stream.excluded, *given.texts())))

    def _window(self, stream: Stream, name: str, given: Arguments, call: Form) -> Window:
        if stream.window is not None:
            raise _error(call, "the events have a window already", ("a reducer such as .count()",))
        of_parent = name != "expires_after" and given.named("parent")
        if of_parent and not self.events:
            reason = f"{name}(parent: …) has a place only on an event inside the where() of another"
            suggestion = f"{name}(7 days)" if name == "within" else f"{name}(7 days, 10 days)"
            raise InvalidQuery(reason, call.meta.line, call.meta.column, (), suggestion)
        if name == "expires_after" and self.events:
            raise _error(call, "a funnel's event has no session", ("within(parent: 7 days)",))
        return given.window(name, of_parent)

    def _where(self, stream: Stream, form: Form) -> Condition:
        inside = _Reader(inside="where", depth=self.depth + 1, events=self.events + 1)
        found = _conditions([(form, inside.disjunction(form))], "where()")
        return syntax.both(*((stream.where, *found) if stream.where else found))

    def _reduced(self, stream: Stream, name: str, given: Arguments) -> Reduced:
        form = given.first_form(allowed=2 if name == "mode" else 1)
        field = _Reader(inside=name, depth=self.depth + 1).disjunction(form)
        if not isinstance(field, Field):
            raise _error(form, f"{name}() reduces a property", ("property('…')", "context('…')"))
        minimum = given.minimum() if name == "mode" else None
        return Reduced(stream, name, field, given.reads(READS.get(name, ())), minimum)

    def _subject(self, value: Value, form: Form, what: str) -> Scalar:
        if isinstance(value, Stream):
            raise _error(form, f"{what} works on a value, not on events", ("a reducer such as .count() before it",))
        if isinstance(value, CONDITIONS):
            raise _error(form, f"{what} cannot follow a comparison", ("AND", "OR", "the end"))
        if isinstance(value, Literal):
            raise _error(
                form, "a comparison begins with what is compared", ("event('…')", "trait('…')", "property('…')")
            )
        if _is_list(value):
            raise _error(form, "a list can only be counted", (".count()",))
        return value

    def _compared(self, subject: Scalar, name: str, call: Form) -> Comparison:
        takes, given = COMPARATORS[name], Arguments(call)
        if takes == "none":
            given.none()
            return Comparison(subject, name)
        if takes == "duration":
            return Comparison(subject, name, (given.only_duration(("hour", "day")),))
        arguments: list[Scalar] = []
        for form in given.forms(1, None if takes == "some" else 1):
            value = self.disjunction(form)
            if isinstance(value, (Stream, *CONDITIONS)) or _is_list(value):
                raise _error(form, f"{name}() compares with values", ("a value such as 100, 'text' or trait('…')",))
            if takes == "date":
                given.check_date(value, form)
            arguments.append(value)
        return Comparison(subject, name, tuple(arguments))


def _is_list(value: Value) -> bool:
    return isinstance(value, Reduced) and value.reducer == "unique"


def _conditions(parts: Sequence[tuple[Form, Value]], where: str) -> list[Condition]:
    conditions: list[Condition] = []
    for form, value in parts:
        if not isinstance(value, CONDITIONS):
            need = "a reducer and a comparison" if isinstance(value, Stream) else "a comparison"
            raise _error(form, f"{where} needs something that is true or false", (f"{need} such as >= 1",), at_end=True)
        conditions.append(value)
    return conditions


def _forms(form: Form) -> list[Form]:
    return [child for child in form.children if isinstance(child, Tree)]


def _only(form: Form) -> Form:
    return _forms(form)[0]


def _name(call: Form) -> str:
    return str(call.children[0])


def _error(form: Form, reason: str, expected: tuple[str, ...] = (), at_end: bool = False) -> InvalidQuery:
    line, column = (form.meta.end_line, form.meta.end_column) if at_end else (form.meta.line, form.meta.column)
    return InvalidQuery(reason, line, column, expected)


def _unsupported(form: Form, what: str) -> InvalidQuery:
    return _error(form, f"{what} is not supported yet")


def _unknown(call: Form, name: str, fitting: Sequence[str]) -> InvalidQuery:
    everything = (*EXTRACTORS, *FILTERS, *REDUCING, *COMPARATORS, *UNSUPPORTED)
    near = get_close_matches(name.lower(), fitting, 1, 0.6) or get_close_matches(name.lower(), everything, 1, 0.6)
    suggestion = f"{near[0]}(…)" if near else None
    expected = () if near else (f"one of {', '.join(fitting)}",)
    return InvalidQuery(f"there is no function {name}()", call.meta.line, call.meta.column, expected, suggestion)
