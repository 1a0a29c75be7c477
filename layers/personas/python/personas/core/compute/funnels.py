"""Streams whose events are kept in lists, evaluated: funnels, sessions, conditions that ask for traits or for now.

Every event is looked at as the parent of its children, as far as they have come by now.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from personas.core.compute.aggregate import Aggregate, taking
from personas.core.compute.conditions import Holds, Operand, Special, compiled
from personas.core.compute.frame import Frame, Kept
from personas.core.compute.monoids import CUT
from personas.core.compute.reading import reading
from personas.core.compute.relative import relative
from personas.core.compute.streams import asked, reaches_back, split
from personas.core.compute.windows import TileWindow
from personas.core.moments import HOUR
from personas.core.query.formatter import format_query
from personas.core.query.tree import (
    Between,
    BetweenParent,
    Field,
    Literal,
    Reduced,
    Scalar,
    Session,
    Trait,
    Within,
    WithinParent,
)

Scene = tuple[Frame, Kept, Kept | None]
"""The moment, the event, and its parent."""
Register = Callable[[Aggregate], Aggregate]
"""Puts an aggregate among those that are kept, and answers the one that is."""


class Listed:
    """A reduced stream. As a funnel's child it looks at one parent at a time."""

    __slots__ = ("_aggregate", "_back", "_fields", "_fold", "_holds", "_pause", "_span", "read")

    def __init__(
        self,
        reduced: Reduced,
        since: int | None,
        register: Register,
        trait: Callable[[Trait], Callable[[Frame], list[Any]]],
        parent: "Listed | None" = None,
        outer: TileWindow | None = None,
    ) -> None:
        stream = reduced.stream
        fields, back = asked(stream, reduced.field), reaches_back(stream, outer)
        alone, open_ = split(stream.where)
        edges = isinstance(stream.window, (Within, Between))
        self._aggregate = register(Aggregate.listing(stream, alone, fields, back, since, edges))
        self._fields = {format_query(field): place for place, field in enumerate(fields, 1)}
        self._pause = stream.window.pause.ms if isinstance(stream.window, Session) else None
        self._span = _span(reduced)
        self._back = back
        self._fold = self._folding(reduced)
        self.read = reading(reduced)
        self._holds: Holds | None = None
        if open_ is not None:
            operands = _Operands(self, parent, since, register, trait, back)
            self._holds = compiled(open_, operands.of, operands.relative)

    def partial(self, frame: Frame) -> tuple[Any, bool]:
        """What the reducer reads, and whether an event was ever seen."""
        found, seen = frame.listed(self._aggregate)
        if self._pause is not None:
            found = self._session(frame, found, self._pause)
        return self._reduced(frame, found, None), seen

    def of_parent(self, frame: Frame, parent: Kept) -> Any:
        """Likewise, over the events after one."""
        found, _seen = frame.listed(self._aggregate)
        first, last = int(parent[0]), frame.at
        if self._span is not None:
            first, last = first + self._span[0], first + self._span[1]
        begin = bisect_right(found, first, key=_moment)
        end = bisect_right(found, last, begin, key=_moment)
        return self._reduced(frame, found[begin:end], parent)

    def place(self, field: Field) -> int:
        return self._fields[format_query(field)]

    def _reduced(self, frame: Frame, events: list[Kept], parent: Kept | None) -> Any:
        partial: Any = None
        for event in events:
            if self._holds is None or self._holds((frame, event, parent)):
                partial = self._fold(partial, event)
        if partial.__class__ is dict and CUT in partial:
            frame.capped = True
        return partial

    def _session(self, frame: Frame, events: list[Kept], pause: int) -> list[Kept]:
        """The events of the session that is open: the latest one, unless its pause has passed."""
        holds = self._holds
        held = [event for event in events if holds is None or holds((frame, event, None))]
        if not held or frame.at - held[-1][0] >= pause:
            return []
        begin = len(held) - 1
        while begin and held[begin][0] - held[begin - 1][0] < pause:
            begin -= 1
        frame.turns_at(held[-1][0] + pause)
        if self._back is not None:
            frame.turns_at((self._back.last(self._back.tile(held[begin][0])) + 1) * HOUR)
        return held[begin:]

    def _folding(self, reduced: Reduced) -> Callable[[Any, Kept], Any]:
        monoid, takes = taking(reduced)
        add = monoid.add
        if reduced.field is None:
            return lambda partial, event: (partial or 0) + event[-1]
        place = self._fields[format_query(reduced.field)]

        def fold(partial: Any, event: Kept) -> Any:
            for value in takes(event[place]):
                for _ in range(event[-1]):
                    partial = add(partial, value, event[0])
            return partial

        return fold


class _Operands:
    """What the open part of a stream's `where` compares, found in a scene."""

    def __init__(
        self,
        own: Listed,
        parent: Listed | None,
        since: int | None,
        register: Register,
        trait: Callable[[Trait], Callable[[Frame], list[Any]]],
        back: TileWindow | None,
    ) -> None:
        self._own, self._parent, self._since = own, parent, since
        self._register, self._trait, self._back = register, trait, back

    def of(self, scalar: Scalar) -> Operand:
        match scalar:
            case Literal(value):
                values = [value]
                return lambda _scene: values
            case Trait():
                of_profile = self._trait(scalar)
                return lambda scene: of_profile(scene[0])
            case Field():
                return self._field(scalar)
        child = Listed(scalar, self._since, self._register, self._trait, self._own, self._back)
        return lambda scene: _values(child.read(child.of_parent(scene[0], scene[1])))

    def relative(self, comparison: Special) -> Holds | None:
        return relative(comparison, self.of, lambda scene: scene[0])

    def _field(self, field: Field) -> Operand:
        if not field.parent:
            place = self._own.place(field)
            return lambda scene: scene[1][place]
        if self._parent is None:
            raise TypeError("only a funnel's child has a parent")
        of_parent = self._parent.place(replace(field, parent=False))
        return lambda scene: scene[2][of_parent]


def _values(value: Any) -> list[Any]:
    return [] if value is None else [value]


def _span(reduced: Reduced) -> tuple[int, int] | None:
    """After which time (ms) from its parent on a child counts, and up to which."""
    match reduced.stream.window:
        case WithinParent(duration):
            return 0, duration.ms
        case BetweenParent(start, end):
            return start.ms, end.ms
    return None


def _moment(event: Kept) -> int:
    return int(event[0])
