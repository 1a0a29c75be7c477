"""Columns of cells by their type: numbers as decimals and booleans as such, where all of a column is of that one kind.

A decimal has the smallest scale that holds all of the column, one digit at least. It is below 2^53 when its point is
left out: so the double next to it is one division away, and is the number that the call had.

Invariant: the texts of a typed column are those that it was made from.
"""

from collections.abc import Sequence
from typing import Any

from personas.core.batch.cells import BOOLEAN, DECIMAL, NUMBER, TRUTH, VALUES

Column = Any
"""Of Arrow, chunked."""
PRECISION = 18
"""With at most so many digits a decimal is 64 bits long, in Parquet as in DuckDB."""
_LARGEST = 2**53


def typed(texts: Column, kind: int) -> tuple[Column, int]:
    """The column of these texts, all of this kind, and its kind; the texts themselves where no type suits them."""
    from pyarrow import compute

    if kind == BOOLEAN:
        return compute.equal(texts, "true"), TRUTH
    decimals = _decimals(texts) if kind == NUMBER else None
    return (texts, kind) if decimals is None else (decimals, DECIMAL)


def as_texts(column: Column) -> Column:
    """The texts of a column, typed or not."""
    import pyarrow
    from pyarrow import compute

    if pyarrow.types.is_boolean(column.type):
        return compute.if_else(column, "true", "false")
    if not pyarrow.types.is_decimal(column.type):
        return column
    short = compute.utf8_rtrim(compute.utf8_rtrim(column.cast(pyarrow.string()), "0"), ".")
    # Of a nothing with many digits Arrow writes the exponent.
    return compute.if_else(compute.equal(column, 0), "0", short)


def alike(columns: Sequence[tuple[Column, int]]) -> list[tuple[Column, int]]:
    """The same columns, so that all have one type: of columns with kinds that are of the same values, some typed and
    some, older or with too many digits, not."""
    made = [typed(column, kind) for column, kind in columns]
    if len({kind for _, kind in made}) == 1:
        made = _with_one_scale(made) if made[0][1] == DECIMAL else made
    if len({column.type for column, _ in made}) > 1:
        return [(as_texts(column), VALUES.get(kind, kind)) for column, kind in made]
    return made


def _decimals(texts: Column) -> Column | None:
    import pyarrow
    from pyarrow import compute

    point = compute.find_substring(texts, ".")
    digits = compute.if_else(
        compute.less(point, 0), 0, compute.subtract(compute.subtract(compute.binary_length(texts), point), 1)
    )
    try:
        found = texts.cast(pyarrow.decimal128(PRECISION, max(1, compute.max(digits).as_py() or 0)))
    except (pyarrow.ArrowInvalid, ValueError):  # too many digits
        return None
    return found if _is_exact(found) else None


def _with_one_scale(columns: Sequence[tuple[Column, int]]) -> list[tuple[Column, int]]:
    import pyarrow

    wanted = pyarrow.decimal128(PRECISION, max(column.type.scale for column, _ in columns))
    try:
        made = [(column.cast(wanted), kind) for column, kind in columns]
    except pyarrow.ArrowInvalid:
        return list(columns)
    return made if all(_is_exact(column) for column, _ in made) else list(columns)


def _is_exact(decimals: Column) -> bool:
    from pyarrow import compute

    found = compute.min_max(decimals).as_py()
    return all(one is None or abs(one).scaleb(decimals.type.scale) < _LARGEST for one in found.values())
