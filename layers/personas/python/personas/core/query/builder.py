"""A tree as the JSON that a visual builder edits, and back, without loss; compiled definitions are stored so as well.

The shape follows the classes of `tree` by construction: an object has a `type` (the class's name in snake_case), except
where only one can stand, and the class's fields in camelCase; what is not said (None, no arguments) is left out; a path
is its text. So a class that the tree gains needs nothing here.

>>> from personas.core.query.path import Path
>>> from personas.core.query.tree import Comparison, Duration, Literal, Reduced, Stream, Trait, Within
>>> tree = Comparison(Trait(Path(("plan",))), "equals", (Literal("pro"),))
>>> to_json(tree)["subject"], to_json(tree)["arguments"]
({'type': 'trait', 'path': 'plan'}, [{'type': 'literal', 'value': 'pro'}])
>>> of_json(to_json(tree)) == tree
True
>>> to_json(Reduced(Stream("Seen", window=Within(Duration(7, "day"))), "count"))["stream"]
{'event': 'Seen', 'window': {'type': 'within', 'duration': {'amount': 7, 'unit': 'day'}}}
>>> of_json({"type": "not", "part": {"type": "comparison", "subject": {"type": "trait"}, "operator": "exists"}})
Traceback (most recent call last):
personas.core.query.builder.InvalidTree: definition.tree.part.subject: path is missing
"""

import re
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from personas.core.errors import InvalidInput
from personas.core.query import tree
from personas.core.query.path import Path
from personas.core.query.tree import Query

ROOT = "definition.tree"
DEEPEST = 60
"""Levels of objects: more than a definition may have (checker.py), and far from what recursion bears."""

_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}


class InvalidTree(InvalidInput):
    """The JSON is no tree of a query; `field` is the path to the place, such as `definition.tree.parts[1].operator`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}", path)
        self.reason = reason


Encode = Callable[[Any], Any]
Decode = Callable[[Any, str, int], Any]
"""(JSON, path, levels left) → the value; raises InvalidTree."""


def to_json(query: Query) -> dict[str, Any]:
    return cast(dict[str, Any], _encoder(Query)(query))


def of_json(data: Any, path: str = ROOT) -> Query:
    """Raises InvalidTree where the data has not the shape; what the words in it mean is `built_query`'s to check."""
    return cast(Query, _decoder(Query)(data, path, DEEPEST))


def levels(query: Query) -> int:
    """Of objects in its JSON."""
    open_, found = [(to_json(query), 1)], 0
    while open_:
        data, level = open_.pop()
        found = max(found, level)
        for part in data.values():
            listed = part if isinstance(part, list) else [part]
            open_ += [(each, level + 1) for each in listed if isinstance(each, dict)]
    return found


def name_of(node: type) -> str:
    """The `type` of a class in JSON."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.__name__).lower()


def nodes() -> frozenset[type]:
    """Every class that a query can be made of."""
    found: set[type] = set()
    open_ = [cast(type, each) for each in get_args(Query)]
    while open_:
        node = open_.pop()
        if node not in found:
            found.add(node)
            open_ += [each for hint in _hints(node).values() for each in _classes_in(hint)]
    return frozenset(found)


def _classes_in(hint: Any) -> list[type]:
    if is_dataclass(hint) and hint is not Path:
        return [cast(type, hint)]
    return [each for argument in get_args(hint) for each in _classes_in(argument)]


@cache
def _hints(node: type) -> dict[str, Any]:
    return get_type_hints(node, vars(tree))


def json_name(field: str) -> str:
    """The name of a field in JSON."""
    first, *others = field.split("_")
    return first + "".join(other.capitalize() for other in others)


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _is_node(hint: Any) -> bool:
    return is_dataclass(hint) and hint is not Path


@cache
def _encoder(hint: Any) -> Encode:
    """Values are told apart by what they are, so that only a union of several classes needs `type`."""
    options = _options(hint)
    typed = sum(map(_is_node, options)) > 1

    def encode(value: Any) -> Any:
        node = type(value)
        if node is tuple:
            entry = next(get_args(option)[0] for option in options if get_origin(option) is tuple)
            return [_encoder(entry)(each) for each in value]
        if node is Path:
            return str(value)
        if not is_dataclass(node):
            return value
        data: dict[str, Any] = {"type": name_of(node)} if typed else {}
        hints = _hints(node)
        for field in fields(node):
            part = getattr(value, field.name)
            if field.default is MISSING or part != field.default:
                data[json_name(field.name)] = _encoder(hints[field.name])(part)
        return data

    return encode


@cache
def _decoder(hint: Any) -> Decode:
    options = _options(hint)
    classes = {name_of(option): option for option in options if _is_node(option)}
    plain = frozenset(option for option in options if option in _WORDS)
    if Path in options:
        return _decode_path
    listed = next((get_args(option)[0] for option in options if get_origin(option) is tuple), None)
    if listed is not None:
        return _listing(listed)
    numbers = plain | ({int} if float in plain else frozenset())
    allowed = [_WORDS[option] for option in options if option in plain and option is not NoneType]
    expected = " or ".join([*allowed, *(["an object"] if classes else [])])

    def decode(data: Any, path: str, left: int) -> Any:
        if type(data) in numbers:
            return data
        if classes and type(data) is dict:
            if not left:
                raise InvalidTree(path, f"a tree is at most {DEEPEST} levels deep")
            return _node(_class_of(data, classes, path), data, path, left - 1)
        raise InvalidTree(path, f"must be {expected}")

    return decode


def _class_of(data: dict[str, Any], classes: dict[str, type], path: str) -> type:
    names = f"one of {', '.join(sorted(classes))}" if len(classes) > 1 else next(iter(classes))
    if "type" not in data and len(classes) == 1:
        return next(iter(classes.values()))
    if "type" not in data:
        raise InvalidTree(path, f"type is missing: it is {names}")
    found = classes.get(data["type"]) if isinstance(data["type"], str) else None
    if found is None:
        raise InvalidTree(f"{path}.type", f"must be {names}")
    return found


def _node(node: type, data: dict[str, Any], path: str, left: int) -> Any:
    known, decoders = _fields(node)
    for name in data:
        if name not in known and name != "type":
            raise InvalidTree(f"{path}.{name}", f"is no field of {name_of(node)}: it has {', '.join(known)}")
    values = {}
    for name, (field, needed) in known.items():
        if name in data:
            values[field] = decoders[field](data[name], f"{path}.{name}", left)
        elif needed:
            raise InvalidTree(path, f"{name} is missing")
    return node(**values)


@cache
def _fields(node: type) -> tuple[dict[str, tuple[str, bool]], dict[str, Decode]]:
    """By name in JSON: the field, and whether it must be given; and how each is read."""
    hints = _hints(node)
    found = fields(cast(Any, node))
    known = {json_name(field.name): (field.name, field.default is MISSING) for field in found}
    return known, {field.name: _decoder(hints[field.name]) for field in found}


def _listing(entry: Any) -> Decode:
    decode = _decoder(entry)

    def listing(data: Any, path: str, left: int) -> Any:
        if type(data) is not list:
            raise InvalidTree(path, "must be a list")
        return tuple(decode(each, f"{path}[{place}]", left) for place, each in enumerate(data))

    return listing


def _decode_path(data: Any, path: str, _left: int) -> Path:
    if type(data) is not str:
        raise InvalidTree(path, "must be a text")
    try:
        return Path.of(data)
    except ValueError as error:
        raise InvalidTree(path, str(error)) from None
