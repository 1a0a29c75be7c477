"""Which traits a query refers to, and the order in which definitions that refer to each other can be evaluated."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from personas.core.errors import InvalidInput
from personas.core.query.tree import Query, Trait
from personas.core.query.walking import walk


class CyclicDefinitions(InvalidInput):
    """Definitions refer to each other in a circle. `path` begins and ends with the same key."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(f"definitions refer to each other in a circle: {' -> '.join(path)}", "definition.query")
        self.path = path


def references(tree: Query) -> Iterator[str]:
    """The keys of the traits that the query reads, anywhere in it."""
    return (node.key for node in walk(tree) if isinstance(node, Trait))


def evaluation_order(trees: Mapping[str, Query]) -> list[str]:
    """The keys, each after those that it refers to; raises CyclicDefinitions."""
    known = {key: sorted(set(references(tree)) & trees.keys()) for key, tree in sorted(trees.items())}
    try:
        return list(TopologicalSorter(known).static_order())
    except CycleError as error:
        raise CyclicDefinitions(tuple(reversed(error.args[1]))) from None
