"""A stream taken apart: what can be said of each event alone, and what depends on others, on traits or on the moment.

Where something does, tiles cannot express the stream: its events are kept in a list, each with the fields that are
still asked for.

>>> from personas.core.query.parser import parse
>>> stream = parse("event('A').where(property('p') = 1 AND property('q') > trait('t')).count()").stream
>>> settled, open_ = split(stream.where)
>>> settled.subject.path, open_.arguments[0].key
(Path(steps=('p',)), 't')
>>> is_listed(stream), [str(field.path) for field in asked(stream)]
(True, ['q'])
"""

from collections.abc import Iterator
from dataclasses import replace

from personas.core.compute.windows import TileWindow
from personas.core.moments import DAY
from personas.core.query.formatter import format_query
from personas.core.query.tree import (
    And,
    Between,
    Comparison,
    Condition,
    Duration,
    Field,
    Not,
    Or,
    Reduced,
    Scalar,
    Session,
    Stream,
    Trait,
    Within,
    both,
)
from personas.core.query.vocabulary import NOW_RELATIVE
from personas.core.query.walking import walk

SESSION_LOOKS_BACK = 30 * DAY
"""A session holds no events from before that, or from before twice its pause where that is longer."""


def split(where: Condition | None) -> tuple[Condition | None, Condition | None]:
    """The parts of `where` that speak of each event alone, and the others."""
    if where is None:
        return None, None
    parts = where.parts if isinstance(where, And) else (where,)
    depends = [_depends(part) for part in parts]
    alone = tuple(part for part, does in zip(parts, depends, strict=True) if not does)
    others = tuple(part for part, does in zip(parts, depends, strict=True) if does)
    return both(*alone) if alone else None, both(*others) if others else None


def is_listed(stream: Stream) -> bool:
    return isinstance(stream.window, Session) or (stream.where is not None and _depends(stream.where))


def asked(stream: Stream, reduced: Field | None = None) -> tuple[Field, ...]:
    """The fields of the stream's events that are asked for after an event was taken, in a fixed order."""
    found = {format_query(field): field for field in _fields(split(stream.where)[1])}
    if reduced is not None:
        found[format_query(reduced)] = reduced
    return tuple(found[name] for name in sorted(found))


def reaches_back(stream: Stream, outer: TileWindow | None = None) -> TileWindow | None:
    """How far back events of the stream can matter; `outer` is how far back its parents can. None: ever."""
    match stream.window:
        case Within() | Between():
            return TileWindow.of(stream.window)
        case Session(pause):
            return TileWindow(max(SESSION_LOOKS_BACK, 2 * pause.ms))
    return TileWindow(outer.end) if outer else None


def _depends(condition: Condition) -> bool:
    return any(
        isinstance(node, (Trait, Reduced))
        or (isinstance(node, Field) and node.parent)
        or (isinstance(node, Comparison) and node.operator in NOW_RELATIVE)
        for node in walk(condition)
    )


def _fields(condition: Condition | None) -> Iterator[Field]:
    """The fields of the events of which this is the condition: also those that their children refer to."""
    if condition is None:
        return
    for scalar in _scalars(condition):
        if isinstance(scalar, Field) and not scalar.parent:
            yield scalar
        elif isinstance(scalar, Reduced) and scalar.stream.where is not None:
            for of_child in _scalars(scalar.stream.where):
                if isinstance(of_child, Field) and of_child.parent:
                    yield replace(of_child, parent=False)


def _scalars(condition: Condition) -> Iterator[Scalar]:
    """What the comparisons of a condition compare, not what is inside of their streams."""
    match condition:
        case Comparison():
            yield condition.subject
            yield from (each for each in condition.arguments if not isinstance(each, Duration))
        case And(parts) | Or(parts):
            for part in parts:
                yield from _scalars(part)
        case Not(part):
            yield from _scalars(part)
