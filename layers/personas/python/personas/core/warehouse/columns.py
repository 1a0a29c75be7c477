"""Names and types of columns as Segment's warehouses have them: snake_case, nested objects flattened, lists as text.

Which columns a table has is learnt from what was sent. Invariant: learning is order-free and may be repeated: two
`Columns` united are the same whichever came first, as long as neither is full.

>>> found = Columns()
>>> found.see({"Plan Name": "pro", "page": {"url": "x", "tags": ["a"]}}, ("context",), "context")
>>> {name: column.type for name, column in found.by_name.items()}
{'context_plan_name': 'varchar', 'context_page_url': 'varchar', 'context_page_tags': 'varchar'}
>>> found.see({"total": 5}); found.see({"total": 5.5}); found.see({"ok": True}); found.see({"ok": "no"})
>>> found.by_name["total"].type, found.by_name["ok"].type
('double', 'varchar')
>>> named("orderId"), named("Order Completed"), named("30d")
('order_id', 'order_completed', '_30d')
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

Path = tuple[str, ...]
"""Where a value lies in a JSON text: the keys from the outermost inwards."""

BOOLEAN, BIGINT, DOUBLE, VARCHAR, TIMESTAMP = "boolean", "bigint", "double", "varchar", "timestamp"
"""As Athena and DuckDB both call them."""

MOST = 1_000
"""Columns of a table that are learnt: a view is one text, which Glue takes up to 400 KB of."""
LONGEST = 120
"""Characters of a column's name."""
MOST_PATHS = 4
"""Places whose names become the same column, such as `orderId` and `order_id`."""


@dataclass(frozen=True, slots=True)
class Column:
    type: str
    paths: tuple[Path, ...]

    def united(self, other: "Column") -> "Column":
        paths = tuple(sorted({*self.paths, *other.paths}))[:MOST_PATHS]
        return Column(_widened(self.type, other.type), paths)


@dataclass(slots=True)
class Columns:
    by_name: dict[str, Column] = field(default_factory=dict)

    def see(self, values: Mapping[str, Any], path: Path = (), prefix: str = "") -> None:
        """`path`: where the values lie; `prefix`: what their columns' names begin with."""
        for key, value in values.items():
            if value is None or not _is_plain(key):
                continue
            name = f"{prefix}_{named(key)}" if prefix else named(key)
            if isinstance(value, Mapping):
                self.see(value, (*path, key), name)
            else:
                self.add(name, _type_of(value), (*path, key))

    def add(self, name: str, type: str, path: Path) -> None:
        known = self.by_name.get(name)
        if known is None:
            if len(self.by_name) < MOST and len(name) <= LONGEST:
                self.by_name[name] = Column(type, (path,))
        elif known.type != type or path not in known.paths:
            self.by_name[name] = known.united(Column(type, (path,)))

    def unite(self, other: "Columns") -> None:
        for name, column in sorted(other.by_name.items()):
            for path in column.paths:
                self.add(name, column.type, path)

    def to_data(self) -> dict[str, Any]:
        return {name: [column.type, column.paths] for name, column in sorted(self.by_name.items())}

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> "Columns":
        return cls({name: Column(type, tuple(map(tuple, paths))) for name, (type, paths) in data.items()})


@lru_cache(maxsize=10_000)
def named(name: str) -> str:
    """Never empty, and never beginning with a digit."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    found = re.sub(r"\W+", "_", words).strip("_").lower()
    return f"_{found}" if not found or found[0].isdigit() else found


def _is_plain(key: str) -> bool:
    """Whether both dialects can say where it lies."""
    return bool(key) and key.isprintable() and not any(mark in key for mark in "\"'\\")


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, int):
        return BIGINT if abs(value) < 2**63 else DOUBLE
    return DOUBLE if isinstance(value, float) else VARCHAR


def _widened(one: str, other: str) -> str:
    """Where an event brought another type than before, both are text; but a number stays a number."""
    if one == other:
        return one
    return DOUBLE if {one, other} == {BIGINT, DOUBLE} else VARCHAR
