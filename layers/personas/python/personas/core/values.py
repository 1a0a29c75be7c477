"""What a JSON value counts as: one meaning for conditions, reducers and the oracle's tests alike (docs/query.md).

A boolean is not a number; text is not a number; null is no value. Text of a number has no needless `.0`.

>>> text_of(25.0), text_of(True), text_of(["b", 1])
('25', 'true', '["b",1]')
>>> number_of(True), number_of("5"), number_of(5.0)
(None, None, 5)
>>> moment_of("1970-01-02"), moment_of("19700102"), moment_of(86400000)
(86400000, None, None)
"""

import re
from typing import Any

import orjson

from personas.core.moments import parse_iso

_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
_WHOLE = 2.0**53
_LARGEST = 2**63


def number_of(value: Any) -> int | float | None:
    """The value as a number, whole ones as int; None where it is none."""
    kind = type(value)
    if kind is int:
        return value if -_LARGEST < value < _LARGEST else float(value) if abs(value) < 1 << 1000 else None
    if kind is float:
        if -_WHOLE < value < _WHOLE and value == int(value):
            return int(value)
        return value if value - value == 0 else None
    return None


def plain(value: Any) -> Any:
    """The value as it is kept: whole numbers as int, all else as it came."""
    return value if number_of(value) is None else number_of(value)


def text_of(value: Any) -> str:
    """The value as text: what `contains` searches, `mode` counts, and `=` compares across types."""
    if isinstance(value, str):
        return value
    return orjson.dumps(plain(value), option=orjson.OPT_SORT_KEYS).decode()


def moment_of(value: Any) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 text; None for anything else."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return None
    try:
        return parse_iso(value)
    except (ValueError, OverflowError):
        return None


def order_of(value: Any) -> tuple[int, Any]:
    """How values of any type are sorted: booleans, numbers, texts, lists and objects by their text."""
    if isinstance(value, bool):
        return 0, value
    if isinstance(value, (int, float)):
        return 1, value
    return (2, value) if isinstance(value, str) else (3, text_of(value))


def same(one: Any, other: Any) -> bool:
    """Whether nobody can tell them apart: numbers by value, but true is never 1, inside of lists and objects neither.

    >>> same([1, {"a": 2}], [1.0, {"a": 2}]), same([1], [True]), same({"a": 0}, {"a": False})
    (True, False, False)
    """
    if one.__class__ is str:
        return bool(one == other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other)


def equal(left: Any, right: Any) -> bool:
    """Numbers by value, all else by text: true is `'true'`, 25 is `'25'`."""
    one, other = number_of(left), number_of(right)
    if one is not None and other is not None:
        return one == other
    return text_of(left) == text_of(right)
