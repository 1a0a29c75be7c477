"""What a reducer reads from its partial. Over nothing, `count`, unique count and `sum` are 0, the others have no value.

>>> read = reading(Reduced(Stream("Article Read"), "mode"))
>>> read({"sport": 2, "art": 2, "news": 1}), read({"sport": 1})
('art', None)

A count below zero is a debt: what was taken back before it was counted, or after it was cut.

>>> owing = {"sport": 2, "art": -1}
>>> [reading(Reduced(Stream("Article Read"), reducer))(owing) for reducer in ("unique", "unique_count")]
[['sport'], 1]
"""

from collections.abc import Callable
from typing import Any

from personas.core.compute import exact
from personas.core.compute.monoids import CUT, total_of, value_of
from personas.core.query.tree import Reduced, Stream
from personas.core.values import order_of, text_of

__all__ = ["Reduced", "Stream", "reading"]

LEAST_FREQUENCY = 2
"""How often the most frequent value must have been seen where the query does not say (Segment's default)."""


def reading(reduced: Reduced) -> Callable[[Any], Any]:
    """From a partial (None: nothing) to a value (None: no value)."""
    if reduced.reducer == "mode":
        minimum = LEAST_FREQUENCY if reduced.minimum is None else reduced.minimum
        return lambda partial: _mode(partial, minimum)
    return _READINGS[reduced.reducer]


def _mode(partial: dict[str, int] | None, minimum: int) -> Any:
    counts = {key: count for key, count in partial.items() if key != CUT} if partial and CUT in partial else partial
    if not counts or (most := max(counts.values())) < minimum:
        return None
    keys = [key for key, count in counts.items() if count == most]
    return value_of(keys[0]) if len(keys) == 1 else min(map(value_of, keys), key=text_of)


def _unique(partial: dict[str, int] | None) -> list[Any] | None:
    keys = sorted(_standing(partial))
    if keys and keys[0] >= "\x01":
        return keys  # texts, all of them: what is not text comes first, after the empty one
    return sorted(map(value_of, keys), key=order_of) or None


def _unique_count(partial: dict[str, int] | None) -> int:
    return len(_standing(partial))


def _standing(partial: dict[str, int] | None) -> list[str]:
    return [key for key, count in (partial or {}).items() if count > 0 and key != CUT]


def _mean(partial: list[Any] | None) -> Any:
    return exact.mean(total_of(partial), partial[0]) if partial and partial[0] > 0 else None


def _as_it_is(partial: Any) -> Any:
    return partial


_READINGS: dict[str, Callable[[Any], Any]] = {
    "count": lambda partial: partial if partial and partial > 0 else 0,
    "sum": lambda partial: exact.read(total_of(partial)) if partial else 0,
    "avg": _mean,
    "min": _as_it_is,
    "max": _as_it_is,
    "first": lambda partial: partial[1] if partial else None,
    "last": lambda partial: partial[1] if partial else None,
    "unique": _unique,
    "unique_count": _unique_count,
}
