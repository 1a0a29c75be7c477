"""Sums without rounding: decimal, of any size, kept as an int where whole and 64 bits suffice, else as decimal text.

>>> add(add(0, 0.1), 0.2)
'0.3'
>>> read(add(add(0, 0.1), 0.2)), read(add("0.5", 1.5)), mean("0.3", 3)
(0.3, 2, 0.1)
"""

from decimal import Context, Decimal, Inexact
from fractions import Fraction

from personas.core.values import number_of

Total = int | str

_CONTEXT = Context(prec=1_000, Emax=999_999, Emin=-999_999, traps=[Inexact])
"""Enough digits for any sum of 64-bit floats; should they ever not suffice, it fails rather than rounds."""
_LARGEST = 2**63


def add(total: Total, value: int | float | str) -> Total:
    if type(total) is int and type(value) is int:
        exact = total + value
        return exact if -_LARGEST < exact < _LARGEST else str(exact)
    return _kept(_CONTEXT.add(_decimal(total), _decimal(value)))


def subtract(total: Total, value: int | float) -> Total:
    return add(total, -value)


def read(total: Total) -> int | float | None:
    """The nearest number that JSON can carry; None where it is out of a float's range."""
    return total if isinstance(total, int) else number_of(float(total))


def mean(total: Total, count: int) -> int | float | None:
    if isinstance(total, int):
        return total // count if total % count == 0 else number_of(total / count)
    try:
        return number_of(float(Fraction(total) / count))
    except OverflowError:
        return None


def _decimal(value: int | float | str) -> Decimal:
    return Decimal(repr(value) if isinstance(value, float) else value)


def _kept(exact: Decimal) -> Total:
    if exact == exact.to_integral_value() and abs(exact) < _LARGEST:
        return int(exact)
    return str(exact.normalize(_CONTEXT))
