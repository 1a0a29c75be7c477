"""A call, as far as definitions read it, made again from what was taken out of it (core/batch/cells.py).

Invariant: whoever reads one of the fields finds in it what it finds in the call itself.

>>> from personas.core.query.path import EACH, Path
>>> said = [Field("property", Path(steps)) for steps in (("cart", "total"), ("cart", "lines", EACH, "sku"))]
>>> Recalling(said).call("Order", [25, ["a", 1]])["properties"]
{'cart': {'total': 25, 'lines': [{'sku': 'a'}, {'sku': 1}]}}
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from personas.core.batch.cells import TEXT
from personas.core.query.path import EACH
from personas.core.query.tree import Field

Steps = tuple[str | None, ...]


def value_of(text: Any, kind: int) -> Any:
    """What lies in a cell: of a path with `$` the list of the values."""
    if isinstance(text, list):
        return [orjson.loads(entry) for entry in text]
    return text if kind == TEXT else orjson.loads(text)


class Recalling:
    """Of what lies inside of another one of the fields, that one's value tells."""

    def __init__(self, fields: Iterable[Field]) -> None:
        asked = list(fields)
        self._paths = [
            (place, field.place == "property", field.path.steps)
            for place, field in enumerate(asked)
            if not any(_is_inside(field, other) for other in asked)
        ]

    def call(self, event: str, values: Sequence[Any]) -> dict[str, Any]:
        """`event` is the name by which definitions know it; the values are of the fields, None where there is none."""
        properties: dict[str, Any] = {}
        context: dict[str, Any] = {}
        for place, of_properties, steps in self._paths:
            if (value := values[place]) is not None:
                _put(properties if of_properties else context, steps, value)
        return {"type": "track", "event": event, "properties": properties, "context": context}


def _is_inside(field: Field, other: Field) -> bool:
    steps = other.path.steps
    return field.place == other.place and field.path != other.path and field.path.steps[: len(steps)] == steps


def _put(inside: dict[str, Any], steps: Steps, value: Any) -> None:
    if len(steps) == 1:
        inside[str(steps[0])] = value
        return
    single = steps.index(EACH) if EACH in steps else len(steps)
    for step in steps[: single - 1]:
        inside = inside.setdefault(str(step), {})
    last = str(steps[single - 1])
    if single == len(steps):
        inside[last] = value
    else:
        inside.setdefault(last, []).extend(_wrapped(steps[single + 1 :], each) for each in value)


def _wrapped(steps: Steps, value: Any) -> Any:
    for step in reversed(steps):
        value = [value] if step is EACH else {step: value}
    return value
