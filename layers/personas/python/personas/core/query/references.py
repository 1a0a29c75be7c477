"""Which traits a query refers to, and the order in which definitions that refer to each other can be evaluated."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from personas.core.errors import InvalidInput
from personas.core.query.tree import (
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


class CyclicDefinitions(InvalidInput):
    """Definitions refer to each other in a circle. `path` begins and ends with the same key."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(f"definitions refer to each other in a circle: {' -> '.join(path)}", "definition.query")
        self.path = path


def references(tree: Query | Condition) -> Iterator[str]:
    """The keys of the traits that the query reads."""
    match tree:
        case And(parts) | Or(parts):
            for part in parts:
                yield from references(part)
        case Not(part) | AnyMember(part) | AllMembers(part):
            yield from references(part)
        case Comparison():
            for each in (tree.subject, *tree.arguments):
                if not isinstance(each, Duration):
                    yield from _of_scalar(each)
        case _:
            yield from _of_scalar(tree)


def _of_scalar(scalar: Scalar) -> Iterator[str]:
    if isinstance(scalar, Trait):
        yield scalar.key
    elif isinstance(scalar, Reduced) and scalar.stream.where is not None:
        yield from references(scalar.stream.where)


def evaluation_order(trees: Mapping[str, Query]) -> list[str]:
    """The keys, each after those that it refers to; raises CyclicDefinitions."""
    known = {key: sorted(set(references(tree)) & trees.keys()) for key, tree in sorted(trees.items())}
    try:
        return list(TopologicalSorter(known).static_order())
    except CycleError as error:
        raise CyclicDefinitions(tuple(reversed(error.args[1]))) from None
