"""What of the language can be kept true on profiles so far; the rest reads well, and is refused when it is saved."""

from collections.abc import Iterator

from personas.core.query.errors import InvalidQuery
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
    Session,
    Stream,
    Trait,
)


def check_evaluable(tree: Query) -> None:
    """Raises InvalidQuery."""
    for what in _missing(tree):
        raise InvalidQuery(f"{what} cannot be evaluated yet")


def _missing(tree: Query | Condition, inside: bool = False) -> Iterator[str]:
    match tree:
        case AnyMember() | AllMembers():
            yield "a condition over the users of an account"
        case And(parts) | Or(parts):
            for part in parts:
                yield from _missing(part, inside)
        case Not(part):
            yield from _missing(part, inside)
        case Comparison():
            for each in (tree.subject, *tree.arguments):
                if not isinstance(each, Duration):
                    yield from _missing(each, inside)
                elif inside:
                    yield f"{tree.operator}() inside where()"
        case Reduced():
            if inside:
                yield "a funnel"
            yield from _in_stream(tree.stream)
        case Trait() if inside:
            yield "a trait inside where()"


def _in_stream(stream: Stream) -> Iterator[str]:
    if isinstance(stream.window, Session):
        yield "a session window"
    if stream.excluded:
        yield "sources(…)"
    if stream.where is not None:
        yield from _missing(stream.where, inside=True)
