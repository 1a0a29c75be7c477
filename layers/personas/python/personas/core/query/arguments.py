"""The arguments of one call, read as what the function takes; anything else is refused at its place."""

from difflib import get_close_matches
from typing import Any, cast

from lark import Token, Tree

from personas.core.query.errors import InvalidQuery
from personas.core.query.path import Path
from personas.core.query.tree import (
    UNITS,
    Between,
    BetweenParent,
    Duration,
    Literal,
    Query,
    Session,
    Stream,
    Window,
    Within,
    WithinParent,
)
from personas.core.values import moment_of

Form = Tree[Token]
LONGEST_WINDOW = 10 * 366
"""Days."""
SHORTEST_PAUSE, LONGEST_PAUSE = Duration(1_800, "second"), Duration(90, "day")
"""What ends a session (Segment's limits)."""
OTHER_UNITS = {"minute": (60, "second"), "week": (7, "day"), "month": (30, "day"), "year": (365, "day")}
"""Units that people try, in units that there are."""
TOO_LARGE = 2**63
"""The first number that is not accepted, nor its negative: what is stored and asked has 64 bits."""


class Arguments:
    def __init__(self, call: Form) -> None:
        self._call = call
        self._name = str(call.children[0])
        self._all = [cast(Form, child) for child in call.children[1:]]

    def named(self, prefix: str) -> bool:
        """Whether the first argument is named so, as in `within(parent: 5 days)`; from then on it reads without."""
        if not self._all or not _has(self._all[0], "prefix"):
            return False
        first = self._all[0]
        if str(_part(first, "prefix", first).children[0]) != prefix:
            return False
        rest = [child for child in first.children if not (isinstance(child, Tree) and child.data == "prefix")]
        self._all[0] = Tree(first.data, rest, first.meta)
        return True

    def none(self) -> None:
        if self._all:
            raise self._error(f"{self._name}() takes nothing", self._all[0])

    def forms(self, least: int, most: int | None) -> list[Form]:
        """The expressions given, without prefix or type."""
        count = "one value" if most == 1 else "one or more values" if most is None else f"at most {most} values"
        if len(self._all) < least or (most is not None and len(self._all) > most):
            raise self._error(
                f"{self._name}() takes {count}", self._all[most] if most and len(self._all) > most else None
            )
        for argument in self._all:
            if _has(argument, "prefix"):
                raise self._error(f"{self._name}() knows no such name", argument)
            if _has(argument, "duration"):
                raise self._error(f"{self._name}() takes no span of time", argument)
            if _has(argument, "type") and self._name not in ("min", "max", "mode"):
                raise self._error(f"{self._name}() takes no type", argument)
        return [_part(argument, "disjunction", argument) for argument in self._all]

    def only_form(self) -> Form:
        return self.forms(1, 1)[0]

    def first_form(self, allowed: int) -> Form:
        return self.forms(1, allowed)[0]

    def only_literal(self) -> Literal:
        form: Any = self.only_form()
        while isinstance(form, Tree) and form.data != "literal" and len(form.children) == 1:
            form = form.children[0]
        if not isinstance(form, Tree) or form.data != "literal":
            raise self._error(f"{self._name}() takes a plain value", self._all[0], ("a number", "a text in quotes"))
        return self.literal(form)

    def only_text(self) -> str:
        value = self.only_literal().value
        if not isinstance(value, str) or not value:
            raise self._error(f"{self._name}() takes a text", self._all[0], ("a text in quotes",))
        return value

    def texts(self) -> tuple[str, ...]:
        """One or more texts, each once."""
        self.forms(1, None)
        alone = [Arguments(Tree("call", [self._call.children[0], each], self._call.meta)) for each in self._all]
        return tuple(dict.fromkeys(each.only_text() for each in alone))

    def path(self, text: str) -> Path:
        try:
            return Path.of(text)
        except ValueError as error:
            raise self._error(str(error), self._all[0]) from None

    def minimum(self) -> int | None:
        if len(self._all) == 1:
            return None
        form: Any = self._all[1]
        while isinstance(form, Tree) and len(form.children) == 1:
            form = form.children[0]
        if not isinstance(form, Token) or form.type != "NUMBER" or not form.isdigit() or _whole(form) < 1:
            raise self._error("the least frequency is a whole number from 1", self._all[1], ("a number such as 2",))
        if _whole(form) >= TOO_LARGE:
            raise self._error("the number is too large", self._all[1])
        return _whole(form)

    def reads(self, allowed: tuple[str, ...]) -> str | None:
        if not _has(self._all[0], "type"):
            return None
        name = str(_part(self._all[0], "type", self._all[0]).children[0])
        if name not in allowed:
            raise self._error(
                f"{self._name}() does not read as {name}", _part(self._all[0], "type", self._all[0]), allowed
            )
        return name

    def only_duration(self, units: tuple[str, ...] = tuple(UNITS)) -> Duration:
        return self._durations(1, units)[0]

    def window(self, kind: str, of_parent: bool) -> Window:
        if kind == "expires_after":
            return Session(self._pause())
        if kind == "within":
            duration = self.only_duration()
            return WithinParent(duration) if of_parent else Within(duration)
        start, end = self._durations(2, tuple(UNITS))
        if start.ms >= end.ms:
            reason, such = "between() takes the nearer time first", ("such as 7 days, 10 days",)
            if start.ms == end.ms:
                raise self._error(reason, self._all[0], such)
            turned = f"between({'parent: ' if of_parent else ''}{_words(end)}, {_words(start)})"
            raise self._error(reason, self._all[0], (), turned)
        return BetweenParent(start, end) if of_parent else Between(start, end)

    def _pause(self) -> Duration:
        pause = self.only_duration()
        if not SHORTEST_PAUSE.ms <= pause.ms <= LONGEST_PAUSE.ms:
            reason = "a session expires after a pause of 1800 seconds (30 minutes) to 90 days"
            raise self._error(reason, self._all[0])
        return pause

    def check_date(self, value: Query | Stream, form: Form) -> None:
        if isinstance(value, Literal) and moment_of(value.value) is None:
            expected = ("a date such as '2024-12-31' or '2024-12-31T18:00:00Z'",)
            raise self._error(f"{self._name}() takes an ISO 8601 date", form, expected)

    def _durations(self, count: int, units: tuple[str, ...]) -> list[Duration]:
        such = ", ".join(("7 days", "10 days")[:count])
        if len(self._all) != count or not all(_has(argument, "duration") for argument in self._all):
            suggestion = f"{self._name}({such})"
            raise self._error(
                f"{self._name}() takes {'a span' if count == 1 else 'two spans'} of time", None, (), suggestion
            )
        if any(_has(argument, "prefix") for argument in self._all):
            raise self._error(f"{self._name}() knows no such name", self._all[0])
        return [self._duration(_part(argument, "duration", argument), units) for argument in self._all]

    def _duration(self, form: Form, units: tuple[str, ...]) -> Duration:
        number, word = (str(child) for child in form.children)
        unit = word.removesuffix("s")
        if unit not in units:
            plurals = [f"{each}s" for each in units]
            near = get_close_matches(word.lower(), plurals, 1, 0.6)
            suggestion = f"{number} {near[0]}" if near else None
            times, other = OTHER_UNITS.get(unit.lower(), (0, ""))
            if number.isdigit() and other in units:
                suggestion = f"{_whole(number) * times} {other}s"
            sensible = number.isdigit() and _whole(number) < TOO_LARGE
            raise self._error(f"there is no unit {word}", form, tuple(plurals), suggestion if sensible else None)
        zero_allowed = self._name == "between"
        if not number.isdigit() or (_whole(number) == 0 and not zero_allowed):
            raise self._error("a span of time is a positive whole number", form, (f"such as 7 {unit}s",))
        duration = Duration(_whole(number), unit)
        if duration.ms > LONGEST_WINDOW * UNITS["day"]:
            raise self._error("a span of time is at most ten years", form)
        return duration

    def _error(
        self, reason: str, form: Form | None = None, expected: tuple[str, ...] = (), suggestion: str | None = None
    ) -> InvalidQuery:
        at = (form or self._call).meta
        return InvalidQuery(reason, at.line, at.column, expected, suggestion)

    @staticmethod
    def literal(form: Form) -> Literal:
        token = cast(Token, form.children[0])
        text = str(token)
        match token.type:
            case "STRING":
                return Literal(_unquoted(text))
            case "BOOLEAN":
                return Literal(text == "true")
            case "DATE":
                if moment_of(text) is None:
                    raise InvalidQuery(f"there is no date {text}", token.line or 1, token.column or 1)
                return Literal(text)
        digits = text.removeprefix("-")
        size = _whole(digits) if digits.isdigit() else float(digits)
        if size >= TOO_LARGE:
            raise InvalidQuery("the number is too large", token.line or 1, token.column or 1)
        return Literal(-size if digits != text else size)


def _words(duration: Duration) -> str:
    return f"{duration.amount} {duration.unit}{'' if duration.amount == 1 else 's'}"


def _whole(digits: str) -> int:
    """The number; TOO_LARGE for all from there on, as Python refuses to read more than 4,300 digits."""
    significant = digits.lstrip("0")
    return TOO_LARGE if len(significant) > len(str(TOO_LARGE)) else min(int(significant or "0"), TOO_LARGE)


def _has(argument: Form, part: str) -> bool:
    return any(isinstance(child, Tree) and child.data == part for child in argument.children)


def _part(argument: Form, part: str, otherwise: Form) -> Form:
    return next((child for child in argument.children if isinstance(child, Tree) and child.data == part), otherwise)


def _unquoted(text: str) -> str:
    parts = text[1:-1].split("\\\\")
    return "\\".join(part.replace("\\'", "'").replace('\\"', '"') for part in parts)
