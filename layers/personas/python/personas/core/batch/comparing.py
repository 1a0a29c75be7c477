"""Conditions as SQL: never NULL, so that AND, OR and NOT mean what they mean in `personas.core.compute.conditions`."""

from collections.abc import Callable
from typing import Any

from personas.core.batch import sql
from personas.core.batch.facts import Column
from personas.core.batch.values import Constant, Double, Operand
from personas.core.compute.comparators import OPPOSITES, RELATIVE_UNITS
from personas.core.query.formatter import format_query
from personas.core.query.tree import AllMembers, And, AnyMember, Comparison, Condition, Duration, Not, Or, Scalar
from personas.core.query.vocabulary import NOW_RELATIVE

Read = Callable[[Scalar], Operand]
Ask = Callable[[AnyMember | AllMembers], str]

_ORDERED = {"greater_than": ">", "at_least": ">=", "less_than": "<", "at_most": "<="}
_TEXTUAL = {"contains": "contains", "starts_with": "starts_with", "ends_with": "ends_with"}
_DATED = {"before_date": "<", "after_date": ">"}


def condition_sql(condition: Condition, read: Read, at: int, ask: Ask | None = None) -> str:
    """`read` finds an operand; `at` is now, in ms; `ask` says what the users of an account have answered."""
    match condition:
        case And(parts):
            return "(" + " AND ".join(condition_sql(part, read, at, ask) for part in parts) + ")"
        case Or(parts):
            return "(" + " OR ".join(condition_sql(part, read, at, ask) for part in parts) + ")"
        case Not(part):
            return f"NOT {condition_sql(part, read, at, ask)}"
        case Comparison():
            return f"({_comparison(condition, read, at)})"
        case AnyMember() | AllMembers():
            if ask:
                return ask(condition)
    raise TypeError(f"{format_query(condition)} is asked of the users of an account, not of one profile")


def _comparison(comparison: Comparison, read: Read, at: int) -> str:
    subject, operator = read(comparison.subject), comparison.operator
    if operator == "exists":
        return subject.present
    if operator == "absent":
        return f"NOT ({subject.present})"
    if operator in NOW_RELATIVE:
        (span,) = comparison.arguments
        if not isinstance(span, Duration):
            raise TypeError(f"{operator} takes a duration")
        return subject.any(lambda value: _relative(operator, value, span, at))
    others = [read(each) for each in comparison.arguments if not isinstance(each, Duration)]
    opposite = OPPOSITES.get(operator)
    test = opposite or operator
    holds = sql.any_of(
        [subject.any(lambda value, other=other: _tested(test, value, other)) for other in others]  # type: ignore[misc]
    )
    if opposite == "contains":
        return f"NOT {holds}"
    if opposite:
        return f"{subject.present} AND {sql.any_of([other.present for other in others])} AND NOT {holds}"
    return holds


def _tested(test: str, value: Any, other: Operand) -> str:
    return other.any(lambda another: _test(test, value, another), "o")


def _test(test: str, one: Any, other: Any) -> str:
    if test in _ORDERED:
        return _ordered(_ORDERED[test], one, other)
    if test in _TEXTUAL:
        return _textual(_TEXTUAL[test], one, other)
    if test in _DATED:
        return "FALSE" if None in (one.moment, other.moment) else f"{one.moment} {_DATED[test]} {other.moment}"
    # Of what is not wild, numbers are equal where their texts are.
    if isinstance(one, Column) and isinstance(other, Constant):
        return one.equals(other)
    if isinstance(one, Double) and isinstance(other, Constant) and other.number is not None:
        return f"{one.number} = {other.number}"
    return f"{one.text} = {other.text}"


def _ordered(sign: str, one: Any, other: Any) -> str:
    """Numbers with numbers, texts with texts."""
    ways = []
    if one.number is not None and other.number is not None:
        ways.append(f"{one.number} {sign} {other.number}")
    if one.is_text is not False and other.is_text is not False:
        asked = [value.is_text for value in (one, other) if value.is_text is not True]
        texts = f"{one.text} {sign} {other.text}"
        ways.append(f"CASE WHEN {' AND '.join(asked)} THEN {texts} END" if asked else texts)
    # Either may be NULL, where the other holds or not.
    return " OR ".join(f"coalesce({way}, FALSE)" for way in ways) or "FALSE"


def _textual(function: str, one: Any, other: Any) -> str:
    of_text = f"{function}({one.text}, {other.text})"
    if one.texts is None:
        return of_text
    of_entry = f"list_bool_or(list_transform({one.texts}, lambda t: {function}(t, {other.text})))"
    return f"CASE WHEN {one.texts} IS NULL THEN {of_text} ELSE {of_entry} END"


def _relative(operator: str, value: Any, span: Duration, at: int) -> str:
    """Whole days or hours are compared, both ends included."""
    if value.moment is None:
        return "FALSE"
    unit = RELATIVE_UNITS[span.unit]
    now, amount = at // unit, span.amount
    if operator == "before_last":
        return f"{value.moment} < {(now - amount + 1) * unit}"
    if operator == "after_next":
        return f"{value.moment} >= {(now + amount) * unit}"
    first, last = {"within_last": (now - amount, now), "within_next": (now, now + amount)}[operator]
    return f"{value.moment} BETWEEN {first * unit} AND {(last + 1) * unit - 1}"
