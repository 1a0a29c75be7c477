"""Finding the values of an event or a profile that a path leads to.

>>> from personas.core.query.path import Path
>>> reader(Path.of("cart.total"))({"cart": {"total": 5}})
5
>>> several(Path.of("lines.$.price"))({"lines": [{"price": 1}, {"note": "gift"}, {"price": 2}]})
[1, 2]
"""

from collections.abc import Callable, Mapping
from typing import Any

from personas.core.query.path import EACH, Path

Reader = Callable[[Mapping[str, Any]], Any]


def reader(path: Path) -> Reader:
    """Reads the one value at the path, None where there is none. For a path without `$`."""
    first, *others = path.steps
    key = str(first)
    if not others:
        return lambda found: found.get(key)

    def read(found: Any) -> Any:
        for step in path.steps:
            if not isinstance(found, Mapping):
                return None
            found = found.get(str(step))
        return found

    return read


def several(path: Path) -> Callable[[Mapping[str, Any]], list[Any]]:
    """Reads all values at the path."""
    if not path.many:
        one = reader(path)
        return lambda found: [] if (value := one(found)) is None else [value]
    return lambda found: [value for value in walk(found, path.steps) if value is not None]


def walk(found: Any, steps: tuple[str | None, ...]) -> list[Any]:
    """What the steps lead to from here, None included."""
    values = [found]
    for step in steps:
        if step is EACH:
            values = [entry for value in values if isinstance(value, list) for entry in value]
        else:
            values = [value.get(step) for value in values if isinstance(value, Mapping)]
    return values
