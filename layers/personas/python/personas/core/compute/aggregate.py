"""An aggregate is what must be kept of a profile's events to know one reduced stream: equal streams share one.

Its id stands for its meaning and is the same in every version of the definitions: name, condition, window, property and
what is kept, but not what is read of it (`sum` and `avg` share one, `unique` and its count, modes of any minimum).
Where a space keeps it, the id also has the version since which the space does so without a break: what a profile still
holds from an earlier time is never taken for it.

>>> from personas.core.query.path import Path
>>> from personas.core.query.tree import Field, Reduced, Stream
>>> spend = Field("property", Path(("spend",)))
>>> of = lambda reducer: Aggregate.of(Reduced(Stream("Order Completed"), reducer, spend))
>>> of("sum").id == of("avg").id, of("sum").id == of("max").id
(True, False)
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from personas.core.compute.comparators import EXACT
from personas.core.compute.conditions import Holds, Operand, Single, compiled
from personas.core.compute.fields import reader, several
from personas.core.compute.monoids import MONOIDS, SIGNS, Monoid, event_key, key_of
from personas.core.compute.windows import TileWindow
from personas.core.event import Event
from personas.core.query.formatter import format_query
from personas.core.query.tree import And, Comparison, Condition, Field, Literal, Reduced, Scalar, Stream
from personas.core.values import number_of, plain, text_of

Scene = tuple[Any, ...]
"""The properties and the context of an event, its source, and when it happened."""


def scene_of(event: Event) -> Scene:
    return event.properties, event.context, event.source, event.at


@dataclass(frozen=True, slots=True)
class Asks:
    """A value at a path that counts as one of these texts."""

    name: str
    """The path, in words."""
    read: Callable[[Scene], Any]
    texts: frozenset[str]


KEEPS = {
    "count": "count",
    "sum": "total",
    "avg": "total",
    "min": "least",
    "max": "greatest",
    "first": "first",
    "last": "last",
    "mode": "values",
    "unique": "values",
    "unique_count": "values",
}
"""The monoid in which each reducer keeps its events."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    id: str
    event: str
    holds: Holds | None
    """Whether an event of the name is in the stream; None where all are."""
    values: Callable[[Scene], list[Any]]
    """What of an event goes into the monoid; `count` takes one of anything."""
    monoid: Monoid
    window: TileWindow | None
    since: int | None
    """Events before this moment (ms) are not in the stream."""
    edges: bool = True
    """Whether a value may change at the hour at which an event leaves the window."""
    asks: Asks | None = None
    """What an event of the stream must have; None: that is not said."""
    reduced: Reduced | None = field(default=None, repr=False, compare=False)
    """A reduced stream that reads it; None: a list of events is kept."""
    take: Callable[[Scene], list[Any] | None] = field(init=False, repr=False, compare=False)
    """The event's values; None where it is not in the stream."""

    @classmethod
    def of(cls, reduced: Reduced, since: int | None = None) -> "Aggregate":
        stream = reduced.stream
        window = TileWindow.of(stream.window) if stream.window else None
        keeps, reads = KEEPS[reduced.reducer], _reads(reduced)
        field = format_query(reduced.field) if reduced.field else ""
        where = format_query(stream.where) if stream.where else ""
        back = f"{window.start}-{window.end}" if window else ""
        limits = ("" if since is None else str(since), *stream.excluded)
        meaning = (stream.event, where, back, keeps, reads, field, *limits)
        values = _taken(reduced.field, reads)
        holds, asks = _where(stream, stream.where), _asks(stream.where)
        return cls(
            _id(keeps, meaning), stream.event, holds, values, MONOIDS[keeps], window, since, asks=asks, reduced=reduced
        )

    @classmethod
    def listing(
        cls,
        stream: Stream,
        where: Condition | None,
        fields: tuple[Field, ...],
        window: TileWindow | None,
        since: int | None,
        edges: bool,
    ) -> "Aggregate":
        """A list of the stream's events that meet `where`, each with its moment and these fields."""
        asked = [format_query(field) for field in fields]
        condition = format_query(where) if where else ""
        back = f"{window.start}-{window.end}" if window else ""
        limits = "" if since is None else str(since)
        meaning = (stream.event, condition, back, "event", str(edges), limits, *asked, "", *stream.excluded)
        finds = [(several(field.path), _place(field)) for field in fields]

        def values(scene: Scene) -> list[Any]:
            found = [[plain(value) for value in find(scene[place])] for find, place in finds]
            return [event_key(scene[3], found)]

        holds, asks = _where(stream, where), _asks(where)
        return cls(_id("events", meaning), stream.event, holds, values, MONOIDS["events"], window, since, edges, asks)

    def kept_since(self, version: int) -> "Aggregate":
        """As the space keeps it without a break since that version of its definitions; 0: since ever."""
        return replace(self, id=f"{self.id}.{version}") if version else self

    def counted_anew(self, version: int) -> "Aggregate":
        """Apart from what was kept before; 0: not."""
        return replace(self, id=f"{self.id}~{version}") if version else self

    def __post_init__(self) -> None:
        object.__setattr__(self, "take", _take(self.holds, self.values, self.since))


def _take(
    holds: Holds | None, values: Callable[[Scene], list[Any]], since: int | None
) -> Callable[[Scene], list[Any] | None]:
    if since is not None:
        return lambda scene: values(scene) if scene[3] >= since and (holds is None or holds(scene)) else None
    if holds is not None:
        return lambda scene: values(scene) if holds(scene) else None
    return values


def _reads(reduced: Reduced) -> str:
    """As what the values are kept: numbers, texts, keys of texts or of numbers or of anything, or as they are."""
    match reduced.reducer:
        case "count":
            return "one"
        case "sum" | "avg":
            return "number"
        case "min" | "max":
            return reduced.reads or "number"
        case "mode":
            whole = reduced.reads == "array" and reduced.field is not None and reduced.field.path.many
            return "array key" if whole else "number key" if reduced.reads == "number" else "text key"
        case "first" | "last":
            return "plain"
    return "plain key"


_TAKES: dict[str, Callable[[list[Any]], list[Any]]] = {
    "number": lambda values: [number for value in values if (number := number_of(value)) is not None],
    "string": lambda values: [text_of(value) for value in values],
    "plain": lambda values: [plain(value) for value in values],
    "text key": lambda values: [key_of(text_of(value)) for value in values],
    "number key": lambda values: [key_of(number) for value in values if (number := number_of(value)) is not None],
    "array key": lambda values: [key_of(text_of([plain(value) for value in values]))] if values else [],
    "plain key": lambda values: [key_of(plain(value)) for value in values],
}


_TAKES_ONE: dict[str, Callable[[Any], Any]] = {
    "number": number_of,
    "string": text_of,
    "plain": plain,
    "text key": lambda value: key_of(text_of(value)),
    "number key": lambda value: None if (number := number_of(value)) is None else key_of(number),
    "plain key": lambda value: key_of(plain(value)),
}
"""The same of one value that there is; None: it is passed over."""


def _taken(field: Field | None, reads: str) -> Callable[[Scene], list[Any]]:
    if field is None:
        one = [1]
        return lambda _scene: one
    place = _place(field)
    if field.path.many:
        find, takes = several(field.path), _TAKES[reads]
        return lambda scene: takes(find(scene[place]))
    read, takes_one = reader(field.path), _TAKES_ONE[reads]

    def values(scene: Scene) -> list[Any]:
        found = read(scene[place])
        return [] if found is None or (value := takes_one(found)) is None else [value]

    return values


def taking(reduced: Reduced) -> tuple[Monoid, Callable[[list[Any]], list[Any]]]:
    """The monoid of a reducer, and what of the values of its field goes into it."""
    return MONOIDS[KEEPS[reduced.reducer]], _TAKES.get(_reads(reduced), list)


def _id(keeps: str, meaning: tuple[str, ...]) -> str:
    digest = blake2b("\x1f".join(meaning).encode(), digest_size=6).digest()
    return SIGNS[keeps] + urlsafe_b64encode(digest).decode()


def _where(stream: Stream, where: Condition | None) -> Holds | None:
    holds = None if where is None else compiled(where, _operand, lambda _comparison: None, _single)
    if not stream.excluded:
        return holds
    excluded = frozenset(stream.excluded)
    if holds is None:
        return lambda scene: scene[2] not in excluded
    return lambda scene: scene[2] not in excluded and holds(scene)


def _asks(where: Condition | None) -> Asks | None:
    """The first of the conditions that must all hold and that compares one value with literals for equality."""
    for part in where.parts if isinstance(where, And) else (where,):
        if not isinstance(part, Comparison) or part.operator not in ("equals", "one_of"):
            continue
        read, literals = _single(part.subject), [each for each in part.arguments if isinstance(each, Literal)]
        if read and len(literals) == len(part.arguments) and all(_is_its_text(each.value) for each in literals):
            return Asks(format_query(part.subject), read, frozenset(text_of(each.value) for each in literals))
    return None


def _is_its_text(value: Any) -> bool:
    """Whether what equals the value is what has the same text: not so of numbers that a float does not tell apart."""
    return isinstance(value, str) or -EXACT < value < EXACT


def _operand(scalar: Scalar) -> Operand:
    if isinstance(scalar, Literal):
        values = [scalar.value]
        return lambda _scene: values
    if not isinstance(scalar, Field):
        raise TypeError(f"{format_query(scalar)} has no place in where()")
    place, find = _place(scalar), several(scalar.path)
    return lambda scene: find(scene[place])


def _single(scalar: Scalar) -> Single | None:
    if not isinstance(scalar, Field) or scalar.path.many:
        return None
    place, read = _place(scalar), reader(scalar.path)
    return lambda scene: read(scene[place])


def _place(field: Field) -> int:
    return 0 if field.place == "property" else 1
