"""What each comparator means. A value that is absent meets none of them but `absent` and `omits`.

`differs` and `none_of` need a value; `omits` is NOT `contains`, as Segment's reference has it. Greater and less compare
numbers with numbers and texts with texts, and never hold across. On a list, the text comparators look at each entry.

>>> TESTS["contains"](["jazz", "rock"], ("azz",)), TESTS["greater_than"]("9", (10,))
(True, False)
"""

import operator
from collections.abc import Callable
from typing import Any

from personas.core.moments import DAY, HOUR
from personas.core.values import equal, moment_of, number_of, text_of

Test = Callable[[Any, tuple[Any, ...]], bool]


def _ordered(holds: Callable[[Any, Any], bool]) -> Test:
    def test(value: Any, others: tuple[Any, ...]) -> bool:
        one, other = number_of(value), number_of(others[0])
        if one is not None and other is not None:
            return holds(one, other)
        return isinstance(value, str) and isinstance(others[0], str) and holds(value, others[0])

    return test


def _textual(holds: Callable[[str, str], bool]) -> Test:
    def test(value: Any, others: tuple[Any, ...]) -> bool:
        texts = [text_of(entry) for entry in value] if isinstance(value, list) else [text_of(value)]
        return any(holds(text, text_of(other)) for text in texts for other in others)

    return test


def _dated(holds: Callable[[int, int], bool]) -> Test:
    def test(value: Any, others: tuple[Any, ...]) -> bool:
        one, other = moment_of(value), moment_of(others[0])
        return one is not None and other is not None and holds(one, other)

    return test


def _one_of(value: Any, others: tuple[Any, ...]) -> bool:
    return any(equal(value, other) for other in others)


TESTS: dict[str, Test] = {
    "equals": _one_of,
    "one_of": _one_of,
    "greater_than": _ordered(lambda one, other: one > other),
    "at_least": _ordered(lambda one, other: one >= other),
    "less_than": _ordered(lambda one, other: one < other),
    "at_most": _ordered(lambda one, other: one <= other),
    "contains": _textual(lambda text, part: part in text),
    "starts_with": _textual(str.startswith),
    "ends_with": _textual(str.endswith),
    "before_date": _dated(lambda one, other: one < other),
    "after_date": _dated(lambda one, other: one > other),
}
"""(value, others) → whether it holds; neither the value nor any of the others is None."""


def against(named: str, literals: tuple[Any, ...]) -> Callable[[Any], bool]:
    """The comparator with its other side fixed: the same meaning, and for numbers and texts a short way to it."""
    general, shorter = TESTS[named], _SHORT.get(named)
    if named in ("equals", "one_of"):
        return _equal_to(literals)
    border = number_of(literals[0]) if literals else None
    if shorter is None or border is None:
        return lambda value: general(value, literals)

    def test(value: Any) -> bool:
        kind = value.__class__
        if (kind is int and -EXACT < value < EXACT) or (kind is float and value - value == 0):
            return shorter(value, border)
        return general(value, literals)

    return test


def _equal_to(literals: tuple[Any, ...]) -> Callable[[Any], bool]:
    texts = frozenset(text_of(literal) for literal in literals)
    if any(isinstance(literal, str) for literal in literals):
        return lambda value: value in texts if value.__class__ is str else _one_of(value, literals)
    numbers = frozenset(number for literal in literals if (number := number_of(literal)) is not None)

    def test(value: Any) -> bool:
        if value.__class__ is int and -EXACT < value < EXACT:
            return value in numbers
        return value in texts if value.__class__ is str else _one_of(value, literals)

    return test


EXACT = 2**53
"""Whole numbers below, in either direction, are told apart by a float: `number_of` leaves them as they are."""
_SHORT: dict[str, Callable[[Any, Any], bool]] = {
    "greater_than": operator.gt,
    "at_least": operator.ge,
    "less_than": operator.lt,
    "at_most": operator.le,
}

OPPOSITES = {"differs": "equals", "none_of": "one_of", "omits": "contains"}
"""Hold where the other does not. `omits` holds without a value, the others need one."""


def turning_points(operator: str, moment: int, amount: int, unit_ms: int) -> tuple[int | None, int | None]:
    """The span of time in which a date meets a relative comparator: from the first ms on, before the second.

    Days and hours are compared as a whole, both ends included (Segment: "inclusive").
    """
    unit = moment // unit_ms
    first, after = {
        "within_last": (unit, unit + amount + 1),
        "before_last": (unit + amount, None),
        "within_next": (unit - amount, unit + 1),
        "after_next": (None, unit - amount + 1),
    }[operator]
    return None if first is None else first * unit_ms, None if after is None else after * unit_ms


RELATIVE_UNITS = {"hour": HOUR, "day": DAY}
