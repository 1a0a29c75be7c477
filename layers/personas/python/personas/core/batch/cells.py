"""What definitions read of events, taken out of the calls once: in the archive's compacted objects it lies in columns.

A field has a column for its text, and its *kind* says of what type the text was made, so that all forms in which the
batch executor reads a field (core/batch/facts.py) follow from both. The text of a text is the text itself; of all else
it is the JSON. What is missing or null has neither. A path with `$` has the list of the JSON of what it leads to.
Where all of a column are numbers or all are booleans, they may lie in it as such instead (stores/typed_columns.py).

The columns are named as the field is written in JSON, so that the name leads back to it.

>>> from personas.core.query.path import Path
>>> field = Field("property", Path(("utm.source", None)))
>>> named(field), field_of(named(field)) == field
('properties.utm\\\\.source.$', True)
>>> cell("SPRING"), cell(25.0), cell(["a", 1]), cell(1e300)
(('SPRING', 1), ('25', 2), ('["a",1]', 5), ('1e+300', 6))
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.fields import reader, walk
from personas.core.event import Event
from personas.core.query import walking
from personas.core.query.path import Path
from personas.core.query.tree import Field, Query
from personas.core.values import plain

TEXT, NUMBER, LONG, BOOLEAN, LIST, WILD = range(1, 7)
"""The kinds. LONG: a number that SQL does not add exactly. WILD: what it does not compute exactly at all (sql.py)."""
MIXED = 0
"""Of a column, not of a value: what lies in it is of several kinds, and a second column says of which."""
DECIMAL, TRUTH = 7, 8
"""Of a column likewise: all in it are of kind NUMBER and lie there as decimals; or BOOLEAN, and as booleans."""
VALUES = {DECIMAL: NUMBER, TRUTH: BOOLEAN}
"""By the kind of a typed column, that of the values in it."""
KIND = "kind of "
"""Before the name of a column, that of this second one."""
MOST = 200
"""Fields that are taken out: of more, those that the most definitions read."""

_PLACES = {"property": "properties", "context": "context"}
_WILD_LIST = re.compile(r"[{]|[0-9]e|[0-9]{16}|0[.]0000|\\u")


@dataclass(frozen=True, slots=True)
class Cell:
    """Where the batch executor finds a field, as SQL: the column of its text (of a typed one, what stands for it), and
    its kind or the column of that."""

    text: str
    kind: int | str


Cells = Mapping[Field, Cell]


def named(field: Field) -> str:
    return f"{_PLACES[field.place]}.{field.path}"


def field_of(name: str) -> Field:
    place, path = name.split(".", 1)
    return Field({said: place for place, said in _PLACES.items()}[place], Path.of(path))


def fields_of(definitions: DefinitionSet) -> tuple[Field, ...]:
    """What the definitions of a space read of events, also those that are coming; at most MOST of them."""
    read: Counter[Field] = Counter()
    for tree in definitions.trees.values():
        read.update(read_by([tree]))
    most = sorted(read, key=lambda field: (-read[field], named(field)))[:MOST]
    return tuple(sorted(most, key=named))


def read_by(trees: Iterable[Query]) -> frozenset[Field]:
    """Of a funnel's parent a field is read as of any event."""
    nodes = (node for tree in trees for node in walking.walk(tree))
    return frozenset(replace(node, parent=False) for node in nodes if isinstance(node, Field))


class Taking:
    """Takes the fields out of one event after the other: a column of texts and one of kinds for each."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = tuple(fields)
        self._readers = {_PLACES[place]: self._by_first_step(place) for place in _PLACES}

    def columns(self, bodies: Iterable[Mapping[str, Any] | None]) -> tuple[list[list[Any]], list[list[int | None]]]:
        """Of calls as the archive has them; None: no definition looks at this one."""
        found = list(bodies)
        texts: list[list[Any]] = [[None] * len(found) for _ in self.fields]
        kinds: list[list[int | None]] = [[None] * len(found) for _ in self.fields]
        for row, body in enumerate(found):
            if body is not None:
                for number, text, kind in self._cells(Event("", "", 0, 0, dict(body))):
                    texts[number][row], kinds[number][row] = text, kind
        return texts, kinds

    def _cells(self, event: Event) -> Iterable[tuple[int, Any, int]]:
        for place, inside in (("properties", event.properties), ("context", event.context)):
            readers = self._readers[place]
            for first in readers.keys() & inside.keys() if readers and isinstance(inside, dict) else ():
                for number, read in readers[first]:
                    if (found := read(inside)) is not None:
                        yield number, *found

    def _by_first_step(self, place: str) -> dict[str, list[tuple[int, Callable[[Any], tuple[Any, int] | None]]]]:
        found: dict[str, list[tuple[int, Callable[[Any], tuple[Any, int] | None]]]] = {}
        for number, field in enumerate(self.fields):
            if field.place == place:
                found.setdefault(str(field.path.steps[0]), []).append((number, _reading(field.path)))
        return found


def _reading(path: Path) -> Callable[[Any], tuple[Any, int] | None]:
    if path.many:
        return lambda inside: cells([value for value in walk(inside, path.steps) if value is not None])
    read = reader(path)
    return lambda inside: None if (value := read(inside)) is None else cell(value)


def cell(value: Any) -> tuple[str, int]:
    """The text of a value that is not null, and its kind."""
    if isinstance(value, str):
        return value, TEXT
    text = orjson.dumps(plain(value)).decode()
    if isinstance(value, bool):
        return text, BOOLEAN
    if isinstance(value, (int, float)):
        return text, _kind_of_number(value, text)
    return text, LIST if isinstance(value, list) and not _WILD_LIST.search(text) else WILD


def cells(values: list[Any]) -> tuple[list[str], int] | None:
    """Of the values to which a path with `$` leads, the JSON, and the kind of all of them."""
    if not values:
        return None
    found = [cell(value) for value in values]
    texts = [orjson.dumps(text).decode() if kind == TEXT else text for text, kind in found]
    kinds = {kind for _, kind in found}
    return texts, WILD if WILD in kinds else LONG if LONG in kinds else LIST


def _kind_of_number(value: int | float, text: str) -> int:
    size = abs(value)
    if "e" in text or size >= 2**53 or 0 < size < 0.0001:
        return WILD
    too_fine = "." in text and len(text) - text.index(".") - 1 > 17
    return LONG if size >= 1e12 or too_fine else NUMBER
