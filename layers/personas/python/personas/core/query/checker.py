"""What a definition may be: an audience ends in true or false, a computed trait in a value; neither is too large."""

from personas.core.query.builder import levels
from personas.core.query.definition import Definition
from personas.core.query.errors import InvalidQuery
from personas.core.query.parser import parse
from personas.core.query.tree import (
    CONDITIONS,
    AllMembers,
    And,
    AnyMember,
    Comparison,
    Condition,
    Literal,
    Not,
    Or,
    Query,
    Reduced,
)

LARGEST = 50
"""Primary expressions in a definition (Segment's limit): comparisons, also inside `where`, and a value alone."""

DEEPEST = 30
"""Levels of objects in the JSON of its tree: so it can be read back (builder.py), and its normal form, which has a
parenthesis more for each NOT, can be parsed again (reader.py)."""


def check(definition: Definition) -> Query:
    """The definition's tree; raises InvalidQuery with the definition's key."""
    try:
        tree = parse(definition.query, members=definition.collection == "accounts")
        _check_result(tree, definition)
        _check_size(tree)
        _check_depth(tree)
    except InvalidQuery as error:
        error.definition = definition.key
        raise
    return tree


def _check_result(tree: Query, definition: Definition) -> None:
    line, column = _end(definition.query)
    if definition.kind == "audience" and not isinstance(tree, CONDITIONS):
        raise InvalidQuery("an audience must end in true or false", line, column, ("a comparison such as >= 1",))
    if definition.kind == "computed_trait":
        if isinstance(tree, CONDITIONS):
            reason = "a computed trait must end in a value, and this is true or false"
            raise InvalidQuery(reason, line, column, ("a reducer such as .count() at the end",))
        if isinstance(tree, Literal):
            raise InvalidQuery("a computed trait is computed from something", 1, 1, ("event('…')", "trait('…')"))


def _check_size(tree: Query) -> None:
    size = primary_expressions(tree)
    if size > LARGEST:
        raise InvalidQuery(f"a definition has at most {LARGEST} primary expressions, this one has {size}")


def _check_depth(tree: Query) -> None:
    if levels(tree) > DEEPEST:
        reason = f"the query is nested deeper than {DEEPEST} levels: make of a part of it a definition of its own"
        raise InvalidQuery(reason)


def primary_expressions(tree: Query) -> int:
    match tree:
        case And(parts) | Or(parts):
            return sum(primary_expressions(part) for part in parts)
        case Not(part) | AnyMember(part) | AllMembers(part):
            return primary_expressions(part)
        case Comparison():
            scalars = (tree.subject, *tree.arguments)
            return 1 + sum(_inside(each.stream.where) for each in scalars if isinstance(each, Reduced))
        case Reduced():
            return 1 + _inside(tree.stream.where)
    return 1


def _inside(where: Condition | None) -> int:
    return 0 if where is None else primary_expressions(where)


def _end(query: str) -> tuple[int, int]:
    lines = query.rstrip().split("\n")
    return len(lines), len(lines[-1]) + 1
