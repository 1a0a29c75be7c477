"""How values are spread over profiles: numbers in a histogram and quantiles, anything by how often it occurs.

Both add up in any order and grouping as long as there are at most MOST different values. Beyond, numbers are counted
by their first three significant digits (two, one, as needed), which moves a quantile by half a percent at most, and of
other values the rarest are forgotten; the result says so.

>>> numbers = Numbers()
>>> for value in (1, 2, 2, 3, 40):
...     numbers.add(value)
>>> numbers.quantile(0.5), numbers.mean, numbers.histogram(2)
(2, 9.6, [(1, 20.5, 4), (20.5, 40, 1)])
"""

from math import ceil
from typing import Any

import orjson

from personas.core.compute import exact
from personas.core.values import number_of, plain

MOST = 10_000
"""Different values."""
FEWEST_DIGITS = 1

Number = int | float


class Numbers:
    """Mutable."""

    __slots__ = ("_counts", "_digits", "_total", "count", "greatest", "least")

    def __init__(self) -> None:
        self.count = 0
        self.least: Number | None = None
        self.greatest: Number | None = None
        self._total: exact.Exact = (0, 0)
        self._counts: dict[Number, int] = {}
        self._digits: int | None = None
        """To how many significant digits values are rounded before they are counted; None: not at all."""

    def add(self, value: Number) -> None:
        self.count += 1
        self._total = exact.add(self._total, exact.decimal(value))
        self._stretch(value)
        self._put(value, 1)

    def unite(self, data: dict[str, Any]) -> None:
        """Add what another one's `to_data` gave."""
        self.count += data["count"]
        units, scale = data["total"]
        self._total = exact.add(self._total, (int(units), scale))
        for value in (data["least"], data["greatest"]):
            if value is not None:
                self._stretch(value)
        if data["digits"] is not None:
            self._round(data["digits"])
        for value, times in data["counts"]:
            self._put(value, times)

    def to_data(self) -> dict[str, Any]:
        units, scale = self._total
        return {
            "count": self.count,
            "total": [str(units), scale],
            "least": self.least,
            "greatest": self.greatest,
            "digits": self._digits,
            "counts": sorted(self._counts.items()),
        }

    @property
    def rounded(self) -> bool:
        return self._digits is not None

    @property
    def mean(self) -> Number | None:
        return exact.mean(self._total, self.count) if self.count else None

    def quantile(self, part: float) -> Number | None:
        """The least value up to which that part of all lies."""
        rank, seen = max(1, ceil(part * self.count)), 0
        for value, times in sorted(self._counts.items()):
            seen += times
            if seen >= rank:
                return self._within(value)
        return None

    def histogram(self, bins: int) -> list[tuple[Number, Number, int]]:
        """Bins of equal width: from, to (of the last one: inclusive), how many."""
        if self.least is None or self.greatest is None:
            return []
        width = self.greatest / bins - self.least / bins
        if width <= 0:
            return [(self.least, self.greatest, self.count)]
        found = [0] * bins
        for value, times in self._counts.items():
            found[min(bins - 1, int(self._within(value) / width - self.least / width))] += times
        edges = [self.least, *(_number(self.least + width * place) for place in range(1, bins)), self.greatest]
        return [(edges[place], edges[place + 1], times) for place, times in enumerate(found)]

    def _within(self, value: Number) -> Number:
        """Rounding does not lead beyond the least and the greatest."""
        assert self.least is not None and self.greatest is not None  # noqa: S101, PT018 - something was counted
        return min(max(value, self.least), self.greatest)

    def _stretch(self, value: Number) -> None:
        self.least = value if self.least is None else min(self.least, value)
        self.greatest = value if self.greatest is None else max(self.greatest, value)

    def _put(self, value: Number, times: int) -> None:
        key = value if self._digits is None else _rounded(value, self._digits)
        self._counts[key] = self._counts.get(key, 0) + times
        while len(self._counts) > MOST and self._digits != FEWEST_DIGITS:
            self._round(3 if self._digits is None else self._digits - 1)

    def _round(self, digits: int) -> None:
        if self._digits is not None and self._digits <= digits:
            return
        self._digits = digits
        before, self._counts = self._counts, {}
        for value, times in before.items():
            key = _rounded(value, digits)
            self._counts[key] = self._counts.get(key, 0) + times


class Tops:
    """Mutable: values of any type, and how often each occurs."""

    __slots__ = ("_counts", "cut")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self.cut = False
        """Whether there were more different values than are kept, so that rare ones are missing."""

    def add(self, value: Any) -> None:
        key = orjson.dumps(_short(plain(value)), option=orjson.OPT_SORT_KEYS).decode()
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._counts) > 2 * MOST:
            self._cut()

    def unite(self, data: dict[str, Any]) -> None:
        """Add what another one's `to_data` gave."""
        self.cut |= data["cut"]
        for key, times in data["counts"].items():
            self._counts[key] = self._counts.get(key, 0) + times
        self._cut()

    def to_data(self) -> dict[str, Any]:
        self._cut()
        return {"cut": self.cut, "counts": self._counts}

    def first(self, most: int) -> list[tuple[Any, int]]:
        """The most frequent ones; of equally frequent ones those that come first as JSON."""
        return [(orjson.loads(key), times) for key, times in sorted(self._counts.items(), key=_frequent)[:most]]

    def _cut(self) -> None:
        if len(self._counts) > MOST:
            self._counts = dict(sorted(self._counts.items(), key=_frequent)[:MOST])
            self.cut = True


LONGEST = 200
"""Characters of a text that are looked at."""


def _short(value: Any) -> Any:
    return value[:LONGEST] if isinstance(value, str) else value


def _frequent(entry: tuple[str, int]) -> tuple[int, str]:
    return -entry[1], entry[0]


def _rounded(value: Number, digits: int) -> Number:
    """To so many significant digits.

    >>> _rounded(12_345, 3), _rounded(0.0012345, 2), _rounded(0, 3)
    (12300, 0.0012, 0)
    """
    return _number(float(f"{value:.{digits - 1}e}"))


def _number(value: Number) -> Number:
    found = number_of(value)
    return value if found is None else found
