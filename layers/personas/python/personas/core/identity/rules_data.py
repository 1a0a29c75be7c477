"""Reading the JSON form of the rules, field by field, so that a mistake is answered with the field that holds it.

>>> entries({"identifiers": [{"type": "email", "limit": 0}]})
Traceback (most recent call last):
personas.core.errors.InvalidInput: limit must be a whole number of at least 1
"""

import re
from typing import Any

from personas.core.errors import InvalidInput
from personas.core.identity.periods import EVER, PERIODS

MAX_TYPE = 100
MAX_PATTERN = 200
MAX_ENTRIES = 200

MAX_KEYS = 10

Entry = tuple[str, int, str, int, tuple[str, ...], tuple[str, ...], tuple[str, ...] | None]
"""Type, limit, period, priority, blocked values, blocked patterns, keys."""


def entries(data: Any) -> list[Entry]:
    """Raises InvalidInput."""
    given = data.get("identifiers") if isinstance(data, dict) else None
    if not isinstance(given, list) or not given:
        raise InvalidInput("identifiers must be a list of at least one rule", "identifiers")
    if len(given) > MAX_ENTRIES:
        raise InvalidInput(f"identifiers may have at most {MAX_ENTRIES} rules", "identifiers")
    read = [_entry(entry, f"identifiers[{place}]", place + 1) for place, entry in enumerate(given)]
    _distinct([entry[0] for entry in read], "type")
    _distinct([entry[3] for entry in read], "priority")
    return read


def blocked_for_all(data: Any) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Blocked values and patterns of every type; None where a list is not given. Raises InvalidInput."""
    values = _texts(data, "blockedValues", "blockedValues") if data.get("blockedValues") is not None else None
    patterns = _patterns(data, "blockedPatterns") if data.get("blockedPatterns") is not None else None
    return values, patterns


def _entry(entry: Any, at: str, place: int) -> Entry:
    if not isinstance(entry, dict):
        raise InvalidInput("a rule must be an object", at)
    return (
        _type(entry.get("type"), f"{at}.type"),
        _number(entry.get("limit", 5 if entry.get("type") != "user_id" else 1), "limit", at),
        _period(entry.get("period", EVER), f"{at}.period"),
        _number(entry.get("priority", place), "priority", at),
        _texts(entry, "blockedValues", f"{at}.blockedValues"),
        _patterns(entry, f"{at}.blockedPatterns"),
        _keys(entry, f"{at}.keys") if entry.get("keys") is not None else None,
    )


def _type(given: Any, at: str) -> str:
    if not isinstance(given, str) or not given.strip() or len(given) > MAX_TYPE:
        raise InvalidInput(f"type must be a text of 1 to {MAX_TYPE} characters, such as loyalty_card", at)
    return given


def _number(given: Any, name: str, at: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise InvalidInput(f"{name} must be a whole number of at least 1", f"{at}.{name}")
    return given


def _period(given: Any, at: str) -> str:
    if given not in PERIODS:
        raise InvalidInput(f"period must be one of {', '.join(PERIODS)}", at)
    return str(given)


def _texts(entry: dict[str, Any], name: str, at: str) -> tuple[str, ...]:
    given = entry.get(name) or []
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise InvalidInput(f"{name} must be a list of texts", at)
    return tuple(dict.fromkeys(given))


def _keys(entry: dict[str, Any], at: str) -> tuple[str, ...]:
    keys = _texts(entry, "keys", at)
    if len(keys) > MAX_KEYS or not all(key.strip() and len(key) <= MAX_TYPE for key in keys):
        raise InvalidInput(f"keys may be at most {MAX_KEYS} names of 1 to {MAX_TYPE} characters", at)
    return keys


def _patterns(entry: dict[str, Any], at: str) -> tuple[str, ...]:
    patterns = _texts(entry, "blockedPatterns", at)
    for place, pattern in enumerate(patterns):
        here = f"{at}[{place}]"
        if len(pattern) > MAX_PATTERN:
            raise InvalidInput(f"a pattern may have at most {MAX_PATTERN} characters", here)
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise InvalidInput(f"{pattern!r} is not a regular expression: {error}", here) from None
    return patterns


def _distinct(given: list[Any], name: str) -> None:
    for place, value in enumerate(given):
        first = given.index(value)
        if first < place:
            raise InvalidInput(f"{name} {value!r} is also that of identifiers[{first}]", f"identifiers[{place}].{name}")
