"""Names and values as Segment's warehouse schemas have them: snake_case, nested objects flattened, lists as JSON text.

>>> flattened({"Plan Name": "pro", "page": {"url": "x", "tags": ["a"]}}, "context")
{'context_plan_name': 'pro', 'context_page_url': 'x', 'context_page_tags': '["a"]'}
>>> column("orderId"), column("Order Completed"), column("30d")
('order_id', 'order_completed', '_30d')
"""

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

Row = dict[str, Any]


def column(name: str) -> str:
    """Never empty, and never beginning with a digit."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    found = re.sub(r"\W+", "_", words).strip("_").lower()
    return f"_{found}" if not found or found[0].isdigit() else found


def flattened(values: Mapping[str, Any], prefix: str = "") -> Row:
    """Of two names that become one column, the first stands."""
    row: Row = {}
    for name, value in values.items():
        path = f"{prefix}_{column(name)}" if prefix else column(name)
        found = flattened(value, path) if isinstance(value, Mapping) else {path: _plain(value)}
        for entry, value_of_it in found.items():
            row.setdefault(entry, value_of_it)
    return row


def row_id(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def numbered(rows: Iterable[Row]) -> list[Row]:
    """In order of receipt, each with `seq`: derived from the moment, and growing within it.

    >>> [row["seq"] for row in numbered([{"received_at": 2, "id": "b"}, {"received_at": 2, "id": "a"}])]
    [2000000, 2000001]
    """
    ordered = sorted(rows, key=lambda row: row["received_at"])
    moment, place = None, 0
    for row in ordered:
        place = place + 1 if row["received_at"] == moment else 0
        moment = row["received_at"]
        row["seq"] = moment * 1_000_000 + place
    return ordered


def _plain(value: Any) -> Any:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list) else value
