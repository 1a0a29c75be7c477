"""A view: its name, its columns with their types, and the text that makes its rows; and the logs that views read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from personas.core.warehouse.columns import TIMESTAMP, VARCHAR, Column, Columns
from personas.core.warehouse.dialect import Dialect, quoted

Expressions = Mapping[str, tuple[str, str]]
"""Of a view's columns by name: type and expression."""


@dataclass(frozen=True, slots=True)
class Logs:
    """What to read FROM for each log of the one space."""

    events: str
    identity: str
    traits: str


@dataclass(frozen=True, slots=True)
class View:
    name: str
    columns: tuple[tuple[str, str], ...]
    """Name and type."""
    query: str

    @classmethod
    def of(cls, name: str, expressions: Expressions, source: str) -> "View":
        """`source`: what stands behind FROM."""
        listed = ",\n  ".join(_listed(*entry) for entry in expressions.items())
        columns = tuple((column, type) for column, (type, _) in expressions.items())
        return cls(name, columns, f"SELECT\n  {listed}\nFROM {source}")

    @property
    def statement(self) -> str:
        return f"CREATE OR REPLACE VIEW {quoted(self.name)} AS\n{self.query};\n"


def learnt(columns: Columns, document: str, dialect: Dialect, besides: Expressions) -> dict[str, tuple[str, str]]:
    """Of the columns that were learnt, those that take the name of none of ours. `document`: where they lie in."""
    return {
        name: (column.type, _value(column, document, dialect))
        for name, column in sorted(columns.by_name.items())
        if name not in besides
    }


def first_of(source: str, same: Sequence[str], order: str, condition: str) -> str:
    """Rows of which one is kept of each that repeat each other: those that have the same values of `same`."""
    by = ", ".join(map(quoted, same))
    return (
        f"(\n  SELECT *, row_number() OVER (PARTITION BY {by} ORDER BY {order}) AS copy\n"
        f"  FROM {source}\n  WHERE {condition}\n) AS kept WHERE copy = 1"
    )


def _value(column: Column, document: str, dialect: Dialect) -> str:
    texts = [dialect.text(document, path) for path in column.paths]
    text = texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"
    return text if column.type == VARCHAR else f"TRY_CAST({text} AS {column.type})"


def _listed(name: str, entry: tuple[str, str]) -> str:
    """A column is of its type also where the expression is of a narrower one, such as a text of three characters."""
    type, expression = entry
    cast = expression if type == TIMESTAMP or expression.startswith("TRY_CAST") else f"CAST({expression} AS {type})"
    return f"{cast} AS {quoted(name)}"
