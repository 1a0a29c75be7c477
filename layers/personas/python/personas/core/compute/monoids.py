"""What a reducer keeps of its events: a partial that any order of adding and merging brings to the same value.

A partial is plain JSON; None is the empty one. `add` may change the partial that it is given and returns the new one;
`merge` changes neither. `take` undoes one of two equal additions (an event counted twice stays counted once), also
where the additions are still to come: then it leaves a debt, which they settle when they are merged in.

>>> merge = MONOIDS["total"].merge
>>> merge([1, 5, 0], [2, 75, 2])
[3, 575, 2]
>>> MONOIDS["values"].merge(MONOIDS["values"].take(None, "art"), {"art": 2, "news": 1})
{'art': 1, 'news': 1}
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import orjson

from personas.core.compute import exact
from personas.core.values import order_of

LARGEST = 10_000
"""Distinct values that are kept (Segment's limit): the first in order of their keys, whatever order they come in. Of
lists of events the newest are kept."""
_LARGEST = 2**63
"""What JSON does not carry as a number."""
CUT = "\x00+"
"""The key that says that there were more."""


@dataclass(frozen=True, slots=True)
class Monoid:
    add: Callable[[Any, Any, int], Any]
    """(partial, value, moment in ms) → partial."""
    merge: Callable[[Any, Any], Any]
    """Of two partials, neither of them None."""
    take: Callable[[Any, Any], Any]
    """(partial, value) → partial, of which either may be None."""
    merge_all: Callable[[Sequence[Any]], Any]
    """Of two or more partials: the same as merging one after the other, in one go."""


def key_of(value: Any) -> str:
    """A value as a key: texts as they are, the others as JSON behind a mark that no usual text begins with."""
    if isinstance(value, str) and value[:1] != "\x00":
        return value
    return "\x00" + orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def value_of(key: str) -> Any:
    return orjson.loads(key[1:]) if key[:1] == "\x00" else key


def _add_count(partial: int | None, _value: Any, _at: int) -> int:
    return (partial or 0) + 1


def _take_count(partial: int | None, _value: Any) -> int | None:
    return (partial or 0) - 1 or None


def total_of(partial: list[Any]) -> exact.Exact:
    """The sum in a partial of `total`, which is [count, units, scale]; units beyond 64 bits are kept as text."""
    return int(partial[1]), partial[2]


def _add_total(partial: list[Any] | None, value: int | float, _at: int) -> list[Any]:
    return _total(1, exact.decimal(value)) if partial is None else _plus(partial, 1, exact.decimal(value))


def _merge_totals(one: list[Any], other: list[Any]) -> list[Any]:
    return _plus(one, other[0], total_of(other))


def _merge_all_totals(partials: Sequence[list[Any]]) -> list[Any]:
    count, total, scale = 0, 0, 0
    for more, units, its_scale in partials:
        count += more
        if units.__class__ is str:
            units = int(units)
        if its_scale == scale:
            total += units
        elif its_scale < scale:
            total += units * 10 ** (scale - its_scale)
        else:
            total, scale = total * 10 ** (its_scale - scale) + units, its_scale
    return _total(count, (total, scale))


def _take_total(partial: list[Any] | None, value: int | float) -> list[Any] | None:
    rest = _plus(partial or [0, 0, 0], -1, exact.decimal(-value))
    return rest if rest[0] or rest[1] else None


def _plus(partial: list[Any], count: int, more: exact.Exact) -> list[Any]:
    return _total(partial[0] + count, exact.add(total_of(partial), more))


def _total(count: int, total: exact.Exact) -> list[Any]:
    units, scale = total
    return [count, units if -_LARGEST < units < _LARGEST else str(units), scale]


def _add_value(partial: dict[str, int] | None, key: str, _at: int) -> dict[str, int]:
    kept = {} if partial is None else partial
    kept[key] = kept.get(key, 0) + 1
    return kept if len(kept) <= LARGEST else _cut(kept)


def _merge_values(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return _merge_all_values((one, other))


def _merge_all_values(partials: Sequence[dict[str, int]]) -> dict[str, int]:
    kept = _united(partials)
    return kept if len(kept) <= LARGEST else _cut(kept)


def _united(partials: Sequence[dict[str, int]]) -> dict[str, int]:
    kept = dict(partials[0])
    get = kept.get
    for other in partials[1:]:
        for key, count in other.items():
            kept[key] = get(key, 0) + count
    return {key: count for key, count in kept.items() if count} if 0 in kept.values() else kept


def _cut(kept: dict[str, int]) -> dict[str, int]:
    keys = sorted(key for key in kept if key != CUT)
    if len(keys) <= LARGEST:
        return kept
    return {**{key: kept[key] for key in keys[:LARGEST]}, CUT: 1}


def _take_value(partial: dict[str, int] | None, key: str) -> dict[str, int] | None:
    rest = {**(partial or {}), key: (partial or {}).get(key, 0) - 1}
    return {other: count for other, count in rest.items() if count} or None


def event_key(at: int, fields: list[list[Any]]) -> str:
    """An event in a list: its moment, and the values of its fields."""
    return orjson.dumps([at, *fields], option=orjson.OPT_SORT_KEYS).decode()


def event_of(key: str) -> list[Any]:
    found: list[Any] = orjson.loads(key)
    return found


def _add_event(partial: dict[str, int] | None, key: str, _at: int) -> dict[str, int]:
    kept = {} if partial is None else partial
    kept[key] = kept.get(key, 0) + 1
    return kept if len(kept) <= LARGEST else _newest(kept)


def _merge_events(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return _merge_all_events((one, other))


def _merge_all_events(partials: Sequence[dict[str, int]]) -> dict[str, int]:
    kept = _united(partials)
    return kept if len(kept) <= LARGEST else _newest(kept)


def _newest(kept: dict[str, int]) -> dict[str, int]:
    keys = [key for key in kept if key != CUT]
    if len(keys) <= LARGEST:
        return kept
    keys.sort(key=lambda key: (event_of(key)[0], key), reverse=True)
    return {**{key: kept[key] for key in keys[:LARGEST]}, CUT: 1}


def _pick(better: Callable[[Any, Any], bool]) -> Monoid:
    def merge(one: Any, other: Any) -> Any:
        return other if better(other, one) else one

    def add(partial: Any, value: Any, _at: int) -> Any:
        return value if partial is None else merge(partial, value)

    return Monoid(add, merge, lambda partial, _value: partial, lambda partials: reduce(merge, partials))


def _pick_by_time(better: Callable[[Any, Any], bool]) -> Monoid:
    """Partials are [moment, value]; at the same moment the order of values decides."""

    def merge(one: list[Any], other: list[Any]) -> list[Any]:
        if one[0] != other[0]:
            return other if better(other[0], one[0]) else one
        return other if better(order_of(other[1]), order_of(one[1])) else one

    def add(partial: list[Any] | None, value: Any, at: int) -> list[Any]:
        return [at, value] if partial is None else merge(partial, [at, value])

    return Monoid(add, merge, lambda partial, _value: partial, lambda partials: reduce(merge, partials))


def _less(one: Any, other: Any) -> bool:
    return bool(one < other)


def _more(one: Any, other: Any) -> bool:
    return bool(one > other)


MONOIDS = {
    "count": Monoid(_add_count, lambda one, other: one + other, _take_count, sum),
    "total": Monoid(_add_total, _merge_totals, _take_total, _merge_all_totals),
    "least": _pick(_less),
    "greatest": _pick(_more),
    "first": _pick_by_time(_less),
    "last": _pick_by_time(_more),
    "values": Monoid(_add_value, _merge_values, _take_value, _merge_all_values),
    "events": Monoid(_add_event, _merge_events, _take_value, _merge_all_events),
}
SIGNS = {
    "count": "c",
    "total": "t",
    "least": "l",
    "greatest": "g",
    "first": "f",
    "last": "z",
    "values": "v",
    "events": "e",
}
"""The first letter of an aggregate's id: states can be merged without knowing the definitions."""
_OF_SIGN = {sign: MONOIDS[name] for name, sign in SIGNS.items()}


def monoid_of(aggregate_id: str) -> Monoid:
    return _OF_SIGN[aggregate_id[0]]
