"""Every node of a tree, whatever classes the language has: what asks only for some of them names only those.

>>> from personas.core.query.path import Path
>>> from personas.core.query.tree import Comparison, Literal, Not, Trait
>>> condition = Not(Comparison(Trait(Path(("plan",))), "equals", (Literal("pro"),)))
>>> [type(node).__name__ for node in walk(condition)]
['Not', 'Comparison', 'Trait', 'Literal']
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from personas.core.query.path import Path


def walk(node: Any) -> Iterator[Any]:
    """The node and all below it, from the outside in and in the order of the fields."""
    if isinstance(node, tuple):
        for each in node:
            yield from walk(each)
    elif is_dataclass(node) and not isinstance(node, (type, Path)):
        yield node
        for name in _names(type(node)):
            yield from walk(getattr(node, name))


@cache
def _names(node: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(node))
