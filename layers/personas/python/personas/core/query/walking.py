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
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting.extend(reversed(each))
        elif (names := _names(each.__class__)) is not None:
            yield each
            waiting.extend([getattr(each, name) for name in names])


@cache
def _names(kind: type) -> tuple[str, ...] | None:
    """The fields of a class of nodes, the last one first; None for all else."""
    return tuple(field.name for field in reversed(fields(kind))) if is_dataclass(kind) and kind is not Path else None
