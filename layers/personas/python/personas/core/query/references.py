"""Which traits a query refers to, and the order in which definitions that refer to each other can be evaluated.

Users and accounts are two levels: inside ANY and ALL an account asks its users, and a user refers to an account
audience by its key as to one of its own. Whoever asks comes after what is asked about, across the levels too.

>>> from personas.core.query.parser import parse
>>> list(references(parse("trait('plan') = 'pro' AND ANY (trait('vip') = 'true')"), "accounts"))
[('accounts', 'plan'), ('users', 'vip')]
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from personas.core.errors import InvalidInput
from personas.core.query.tree import (
    CONDITIONS,
    AllMembers,
    And,
    AnyMember,
    Comparison,
    Condition,
    Duration,
    Not,
    Or,
    Query,
    Reduced,
    Scalar,
    Trait,
)

Named = tuple[str, str]
"""A collection, and the key of a trait there."""


class CyclicDefinitions(InvalidInput):
    """Definitions refer to each other in a circle. `path` begins and ends with the same key."""

    def __init__(self, circle: tuple[Named, ...]) -> None:
        levels = {collection for collection, _ in circle}
        shown = [key if len(levels) == 1 else f"{key} ({collection})" for collection, key in circle]
        super().__init__(f"definitions refer to each other in a circle: {' -> '.join(shown)}", "definition.query")
        self.path = tuple(key for _, key in circle)


def references(tree: Query | Condition, collection: str) -> Iterator[Named]:
    """The traits that the query of a definition of the collection reads."""
    match tree:
        case And(parts) | Or(parts):
            for part in parts:
                yield from references(part, collection)
        case Not(part):
            yield from references(part, collection)
        case AnyMember(part) | AllMembers(part):
            yield from references(part, "users")
        case Comparison():
            for each in (tree.subject, *tree.arguments):
                if not isinstance(each, Duration):
                    yield from _of_scalar(each, collection)
        case _:
            yield from _of_scalar(tree, collection)


def _of_scalar(scalar: Scalar, collection: str) -> Iterator[Named]:
    if isinstance(scalar, Trait):
        yield collection, scalar.key
    elif isinstance(scalar, Reduced) and scalar.stream.where is not None:
        yield from references(scalar.stream.where, collection)


def found(name: Named, trees: Mapping[Named, Query]) -> Named | None:
    """The definition that a reference means: one of the same level first; a user's may be an account audience."""
    collection, key = name
    if name in trees:
        return name
    account = ("accounts", key)
    is_audience = collection == "users" and isinstance(trees.get(account), CONDITIONS)
    return account if is_audience else None


def evaluation_order(trees: Mapping[Named, Query]) -> list[Named]:
    """The definitions, each after those that it refers to; raises CyclicDefinitions."""
    known = {
        name: sorted({meant for each in references(tree, name[0]) if (meant := found(each, trees))})
        for name, tree in sorted(trees.items())
    }
    try:
        return list(TopologicalSorter(known).static_order())
    except CycleError as error:
        raise CyclicDefinitions(tuple(reversed(error.args[1]))) from None
