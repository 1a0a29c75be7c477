"""A tree as JSON and back, without loss: how compiled definitions are stored, and what a visual builder edits.

>>> from personas.core.query.path import Path
>>> from personas.core.query.tree import Comparison, Literal, Trait
>>> tree = Comparison(Trait(Path(("plan",))), "equals", (Literal("pro"),))
>>> to_data(tree)
{'subject': {'trait': 'plan'}, 'operator': 'equals', 'arguments': [{'literal': 'pro'}]}
>>> of_data(to_data(tree)) == tree
True
"""

from typing import Any, cast

from personas.core.query.path import Path
from personas.core.query.tree import (
    And,
    Between,
    Comparison,
    Condition,
    Duration,
    Field,
    Literal,
    Not,
    Or,
    Query,
    Reduced,
    Scalar,
    Stream,
    Trait,
    Window,
    Within,
)


def to_data(tree: Query) -> dict[str, Any]:
    match tree:
        case And(parts):
            return {"and": [to_data(part) for part in parts]}
        case Or(parts):
            return {"or": [to_data(part) for part in parts]}
        case Not(part):
            return {"not": to_data(part)}
        case Literal(value):
            return {"literal": value}
        case Trait(path):
            return {"trait": str(path)}
        case Field(place, path):
            return {place: str(path)}
        case Comparison():
            arguments = [_duration(each) if isinstance(each, Duration) else to_data(each) for each in tree.arguments]
            return {"subject": to_data(tree.subject), "operator": tree.operator, "arguments": arguments}
        case Reduced():
            return _reduced(tree)


def of_data(data: dict[str, Any]) -> Query:
    """Raises KeyError or ValueError where the data is no tree."""
    if "and" in data:
        return And(tuple(cast(Condition, of_data(part)) for part in data["and"]))
    if "or" in data:
        return Or(tuple(cast(Condition, of_data(part)) for part in data["or"]))
    if "not" in data:
        return Not(cast(Condition, of_data(data["not"])))
    if "operator" in data:
        subject = cast(Scalar, of_data(data["subject"]))
        return Comparison(subject, data["operator"], tuple(_argument(each) for each in data["arguments"]))
    return _scalar_of(data)


def _reduced(reduced: Reduced) -> dict[str, Any]:
    data: dict[str, Any] = {"event": reduced.stream.event}
    if reduced.stream.where:
        data["where"] = to_data(reduced.stream.where)
    if isinstance(reduced.stream.window, Within):
        data["within"] = _duration(reduced.stream.window.duration)
    elif isinstance(reduced.stream.window, Between):
        data["between"] = [_duration(reduced.stream.window.start), _duration(reduced.stream.window.end)]
    data["reducer"] = reduced.reducer
    if reduced.field:
        data["field"] = to_data(reduced.field)
    if reduced.reads:
        data["as"] = reduced.reads
    if reduced.minimum is not None:
        data["minimum"] = reduced.minimum
    return data


def _scalar_of(data: dict[str, Any]) -> Scalar:
    if "literal" in data:
        return Literal(data["literal"])
    if "trait" in data:
        return Trait(Path.of(data["trait"]))
    if "event" in data:
        where = cast(Condition, of_data(data["where"])) if "where" in data else None
        field = cast(Field, _scalar_of(data["field"])) if "field" in data else None
        stream = Stream(data["event"], where, _window_of(data))
        return Reduced(stream, data["reducer"], field, data.get("as"), data.get("minimum"))
    place = "property" if "property" in data else "context"
    return Field(place, Path.of(data[place]))


def _window_of(data: dict[str, Any]) -> Window | None:
    if "within" in data:
        return Within(_duration_of(data["within"]))
    if "between" in data:
        start, end = data["between"]
        return Between(_duration_of(start), _duration_of(end))
    return None


def _argument(data: dict[str, Any]) -> Scalar | Duration:
    return _duration_of(data) if "amount" in data else cast(Scalar, of_data(data))


def _duration(duration: Duration) -> dict[str, Any]:
    return {"amount": duration.amount, "unit": duration.unit}


def _duration_of(data: dict[str, Any]) -> Duration:
    return Duration(data["amount"], data["unit"])
