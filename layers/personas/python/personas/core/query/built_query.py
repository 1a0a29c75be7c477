"""What a visual builder made becomes a query: its text in normal form, checked as if somebody had typed it.

A builder may nest groups as it likes: AND in AND becomes flat, a group of one part becomes that part.

>>> plan = {"type": "comparison", "subject": {"type": "trait", "path": "plan"}, "operator": "equals",
...     "arguments": [{"type": "literal", "value": "pro"}]}
>>> query_of({"type": "and", "parts": [{"type": "and", "parts": [plan, {"type": "not", "part": plan}]}]})
"trait('plan') = 'pro' AND NOT (trait('plan') = 'pro')"
>>> query_of({**plan, "operator": "equal"})
Traceback (most recent call last):
personas.core.query.builder.InvalidTree: definition.tree.operator: there is no function equal(); did you mean equals(…)?
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, cast, get_args

from personas.core.query.builder import ROOT, InvalidTree, json_name, of_json, to_json
from personas.core.query.errors import InvalidQuery
from personas.core.query.formatter import format_query
from personas.core.query.parser import parse
from personas.core.query.tree import And, Or, Query, both, either


def query_of(data: Any, path: str = ROOT) -> str:
    """Raises InvalidTree at the place in the JSON."""
    tree = cast(Query, _flat(of_json(data, path), path))
    try:
        text = format_query(tree)
    except (LookupError, TypeError, AttributeError):
        raise InvalidTree(path, "says something that the query language cannot") from None
    try:
        read = parse(text)
    except InvalidQuery as error:
        raise located(error, text, of_json(data, path), path) from None
    _same(to_json(tree), to_json(read), path)
    return text


def located(error: InvalidQuery, text: str, tree: Query, path: str = ROOT) -> InvalidTree:
    """The error as one at the place in the tree whose words it points at; `text` is the tree's normal form."""
    lines = text.split("\n")
    at = sum(len(line) + 1 for line in lines[: error.line - 1]) + error.column - 1
    end = len(text)
    start = 0
    while True:
        for child_path, child in _children(tree, path):
            words = format_query(child)
            found = text.find(words, start, end)
            if found < 0:
                continue
            if found <= at < found + len(words):
                tree, path, start, end = child, child_path, found, found + len(words)
                break
            start = found + len(words) if found + len(words) <= at else start
        else:
            break
    word = next((where for where, word in _words(tree, path) if text.startswith(word, at)), path)
    return InvalidTree(word, str(error).partition(": ")[2])


def _children(node: Any, path: str) -> Iterator[tuple[str, Query]]:
    """The nearest conditions and values inside a node, in the order of its fields, with their paths."""
    for field in fields(node):
        value = getattr(node, field.name)
        several = isinstance(value, tuple)
        for place, each in enumerate(value if several else (value,)):
            where = f"{path}.{json_name(field.name)}" + (f"[{place}]" if several else "")
            if isinstance(each, get_args(Query)):
                yield where, cast(Query, each)
            elif is_dataclass(each):
                yield from _children(each, where)


def _words(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """What a node says itself, not its children, with the paths."""
    for field in fields(node):
        value, where = getattr(node, field.name), f"{path}.{json_name(field.name)}"
        if is_dataclass(value) and not isinstance(value, get_args(Query)):
            yield from _words(value, where)
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            yield where, str(value)


def _flat(node: Any, path: str) -> Any:
    if isinstance(node, (And, Or)):
        if not node.parts:
            raise InvalidTree(f"{path}.parts", "must have at least one part")
        parts = tuple(_flat(part, f"{path}.parts[{place}]") for place, part in enumerate(node.parts))
        return both(*parts) if isinstance(node, And) else either(*parts)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    values = {}
    for field in fields(node):
        value, where = getattr(node, field.name), f"{path}.{json_name(field.name)}"
        if isinstance(value, tuple) and any(map(is_dataclass, value)):
            values[field.name] = tuple(_flat(each, f"{where}[{place}]") for place, each in enumerate(value))
        else:
            values[field.name] = _flat(value, where)
    return type(node)(**values)


def _same(given: Any, read: Any, path: str) -> None:
    """What was given must be what its words mean: a word that smuggles in others does not read back."""
    if type(given) is not type(read) or (isinstance(given, dict) and given.get("type") != read.get("type")):
        raise InvalidTree(path, "does not read back as it was given")
    if isinstance(given, dict):
        for name in sorted(given.keys() | read.keys()):
            _same(given.get(name), read.get(name), f"{path}.{name}")
    elif isinstance(given, list):
        for place in range(max(len(given), len(read))):
            one, other = (each[place] if place < len(each) else None for each in (given, read))
            _same(one, other, f"{path}[{place}]")
    elif given != read:
        raise InvalidTree(path, f"must be {read!r} here" if read is not None else "has no place here")
