"""What of the language can be kept true on profiles so far; the rest reads well, and is refused when it is saved."""

from personas.core.query.errors import InvalidQuery
from personas.core.query.tree import AllMembers, AnyMember, Query
from personas.core.query.walking import walk


def check_evaluable(tree: Query) -> None:
    """Raises InvalidQuery."""
    if any(isinstance(node, (AnyMember, AllMembers)) for node in walk(tree)):
        raise InvalidQuery("a condition over the users of an account cannot be evaluated yet")
