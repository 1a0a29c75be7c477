r"""A tree in words: the normal form of a query, which reads back as the same tree.

>>> from personas.core.query.path import Path
>>> from personas.core.query.tree import Comparison, Field, Literal, Reduced, Stream, Trait, both
>>> big = Comparison(Field("property", Path(("price",))), "at_least", (Literal(9.5),))
>>> format_query(Reduced(Stream("Order Completed", big), "count"))
"event('Order Completed').where(property('price') >= 9.5).count()"
>>> format_query(Comparison(Trait(Path(("it's",))), "exists"))
"trait('it\\'s').exists()"
"""

from personas.core.query.tree import (
    AllMembers,
    And,
    AnyMember,
    Between,
    BetweenParent,
    Comparison,
    Condition,
    Duration,
    Field,
    Literal,
    Not,
    Or,
    Query,
    Reduced,
    Session,
    Stream,
    Trait,
    Window,
    Within,
    WithinParent,
)
from personas.core.query.vocabulary import SIGN_OF


def format_query(tree: Query) -> str:
    match tree:
        case Or(parts):
            return " OR ".join(format_query(part) for part in parts)
        case And(parts):
            return " AND ".join(
                f"({format_query(part)})" if isinstance(part, Or) else format_query(part) for part in parts
            )
        case Not(part):
            return f"NOT ({format_query(part)})"
        case AnyMember(part):
            return f"ANY {_of_members(part)}"
        case AllMembers(part):
            return f"ALL {_of_members(part)}"
        case Comparison():
            return _comparison(tree)
        case Literal(value):
            return _literal(value)
        case Field(place, path, parent):
            return f"{place}({'parent: ' if parent else ''}{_quoted(str(path))})"
        case Trait(path):
            return f"trait({_quoted(str(path))})"
        case Reduced():
            return f"{_stream(tree.stream)}.{_reducer(tree)}"


def _of_members(part: Condition) -> str:
    return format_query(part) if isinstance(part, Not) else f"({format_query(part)})"


def _comparison(comparison: Comparison) -> str:
    subject = format_query(comparison.subject)
    arguments = [
        _duration(argument) if isinstance(argument, Duration) else format_query(argument)
        for argument in comparison.arguments
    ]
    sign = SIGN_OF.get(comparison.operator)
    return f"{subject} {sign} {arguments[0]}" if sign else f"{subject}.{comparison.operator}({', '.join(arguments)})"


def _stream(stream: Stream) -> str:
    where = f".where({format_query(stream.where)})" if stream.where else ""
    excluded = f".sources(exclude: {', '.join(map(_quoted, stream.excluded))})" if stream.excluded else ""
    return f"event({_quoted(stream.event)}){where}{excluded}{_window(stream.window)}"


def _window(window: Window | None) -> str:
    match window:
        case Within(duration):
            return f".within({_duration(duration)})"
        case WithinParent(duration):
            return f".within(parent: {_duration(duration)})"
        case Between(start, end):
            return f".between({_duration(start)}, {_duration(end)})"
        case BetweenParent(start, end):
            return f".between(parent: {_duration(start)}, {_duration(end)})"
        case Session(pause):
            return f".expires_after({_duration(pause)})"
    return ""


def _reducer(reduced: Reduced) -> str:
    if reduced.field is None:
        return f"{reduced.reducer}()"
    read = f" as {reduced.reads}" if reduced.reads else ""
    minimum = f", {reduced.minimum}" if reduced.minimum is not None else ""
    name, after = ("unique", ".count()") if reduced.reducer == "unique_count" else (reduced.reducer, "")
    return f"{name}({format_query(reduced.field)}{read}{minimum}){after}"


def _duration(duration: Duration) -> str:
    return f"{duration.amount} {duration.unit}{'' if duration.amount == 1 else 's'}"


def _literal(value: str | float | bool) -> str:
    if isinstance(value, str):
        return _quoted(value)
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
