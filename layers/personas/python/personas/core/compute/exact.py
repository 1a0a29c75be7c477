"""Sums without rounding: a decimal of any size is (units, scale), meaning units / 10^scale.

>>> add(decimal(0.1), decimal(0.2)), read(add(decimal(0.1), decimal(0.2)))
((3, 1), 0.3)
>>> read(add(decimal(0.5), decimal(1.5))), mean(decimal(0.3), 3)
(2, 0.1)
>>> mean(decimal(9_007_199_254_740_993), 2)
4503599627370496
"""

from decimal import Decimal

from personas.core.values import number_of

Exact = tuple[int, int]

_LARGEST = 2**63


def decimal(value: int | float) -> Exact:
    """The number as it is written in decimal."""
    if type(value) is int:
        return value, 0
    text = repr(value)
    if "e" in text or "n" in text:
        sign, digits, exponent = Decimal(text).as_tuple()
        units = int("".join(map(str, digits))) * (-1 if sign else 1)
        return (units * 10 ** int(exponent), 0) if int(exponent) >= 0 else (units, -int(exponent))
    whole, _, fraction = text.partition(".")
    return int(whole + fraction), len(fraction)


def add(one: Exact, other: Exact) -> Exact:
    if one[1] == other[1]:
        return one[0] + other[0], one[1]
    if one[1] < other[1]:
        return one[0] * 10 ** (other[1] - one[1]) + other[0], other[1]
    return one[0] + other[0] * 10 ** (one[1] - other[1]), one[1]


def read(total: Exact) -> int | float | None:
    """The nearest number that JSON can carry, whole ones as int; None where it is out of a float's range."""
    return _divided(total[0], 10 ** total[1])


def mean(total: Exact, count: int) -> int | float | None:
    return _divided(total[0], 10 ** total[1] * count)


def _divided(units: int, by: int) -> int | float | None:
    if units % by == 0 and -_LARGEST < units // by < _LARGEST:
        return units // by
    try:
        nearest = units / by
    except OverflowError:
        return None
    return number_of(nearest)
