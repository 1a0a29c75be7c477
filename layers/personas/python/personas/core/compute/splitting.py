"""Which part of what is kept leaves a state that grows, and how what has left it is kept in order.

What is large leaves the state as a whole: totals, tiles and what is still to come of those aggregates that take the
most room, so that the state which is written with every batch stays small. What has left is never changed; it lies in
parts beside each other until there is as much of it as of what was there before. Then all of it is added up, what has
happened is counted, what nobody can see any more is dropped, and the rest is written anew, the oldest first: so that
each part ends at its own time, that nothing is kept more than twice, and that whatever leaves the state is written
about twice more, however long the profile lives.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from personas import wire
from personas.core.compute.cold import Cold, ColdPart, Ref
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.tallies import Tallies
from personas.core.compute.tally import Tally
from personas.core.moments import HOUR

NEVER_ENDS = 1 << 62
KEPT, AHEAD, OWED = "kept", "ahead", "owed"
MOVABLE = ("t", "w", "f", "o")
"""Of a tally's data."""


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes."""

    hot: int = 32_000
    """Of a state as it is stored, from which on it sheds what is large."""
    part: int = 300_000
    """Of a part before compression, so that it fits into an item even where that does nothing."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class _Piece:
    """As small as it gets: of one aggregate the total or a tile, or some of the values in these where they are many; or
    some events, with their moments, that are to be counted or taken back when they happen."""

    until: int
    aggregate: str
    tile: int | None
    partial: Any
    size: int
    seen: bool
    """Whether an event of the aggregate is known to have happened."""
    kind: str = KEPT

    @property
    def place(self) -> tuple[str, str, int | None]:
        return self.kind, self.aggregate, self.tile


class Shedding:
    """Once, of one profile's state."""

    def __init__(
        self,
        tallies: Tallies,
        cold: Cold,
        definitions: DefinitionSet,
        knows_all: bool,
        hour: int,
        owner: str,
        nonce: str,
        limits: Limits,
    ) -> None:
        """`knows_all`: what these definitions do not know is of no use any more."""
        self._tallies, self._cold, self._aggregates = tallies, cold, definitions.aggregates
        self._knows_all, self._hour, self._owner, self._nonce, self._limits = knows_all, hour, owner, nonce, limits

    def parts(self) -> dict[Ref, ColdPart]:
        """What is to be written; the state lists it already."""
        moved = self._moved_out()
        if not moved:
            return {}
        found = self._written(moved, whole=False)
        before = sum(ref.size for ref in self._cold.refs if ref.whole)
        since = sum(ref.size for ref in (*self._cold.refs, *found) if not ref.whole)
        enough = since >= max(before, 4 * self._limits.hot) and len(self._cold.refs) > 1
        if enough and not self._cold.load({}):
            united = Tallies(moved)
            for part in self._cold.parts():
                united.absorb(part.tallies())
            united.settle(self._aggregates, self._hour * HOUR)
            self._tallies.see(name for name in united.seen() if name in self._aggregates or not self._knows_all)
            self._cold.drop(self._cold.refs)
            found = self._written(united.data(), whole=True)
        for ref, part in found.items():
            self._cold.append(ref, part)
        return found

    def _moved_out(self) -> dict[str, Any]:
        """The largest, until what stays is a quarter; nothing where that would hardly make a difference."""
        kept = {name: data for name, data in self._tallies.data().items() if not data.keys().isdisjoint(MOVABLE)}
        sizes = {name: len(orjson.dumps(data)) for name, data in kept.items()}
        rest = total = sum(sizes.values())
        if total < self._limits.hot // 2:
            return {}
        moved: dict[str, Any] = {}
        for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
            if rest <= total // 4:
                break
            # A copy: what lies in a part must not change when the state goes on.
            moved[name] = orjson.loads(orjson.dumps(kept[name]))
            rest -= sizes[name]
            self._tallies.move_out(name)
        return moved

    def _written(self, data: dict[str, Any], whole: bool) -> dict[Ref, ColdPart]:
        found: dict[Ref, ColdPart] = {}
        pieces = sorted(self._pieces(data), key=lambda piece: (piece.until, piece.aggregate, piece.tile or 0))
        for group in _grouped(pieces, self._limits.part):
            until = max(piece.until for piece in group)
            part = ColdPart(_data_of(group))
            packed = wire.pack(part.data, 6)
            # Parts of the same write may be equal: events that two profiles folded and that have not happened yet.
            name = blake2b(f"{self._nonce} {len(found)} ".encode() + packed, digest_size=12).hexdigest()
            end = None if until == NEVER_ENDS else until
            found[Ref(self._owner, name, len(packed), end, whole)] = part
        return found

    def _pieces(self, data: dict[str, Any]) -> Iterator[_Piece]:
        for name, kept in data.items():
            aggregate = self._aggregates.get(name)
            if aggregate is None and self._knows_all:
                continue
            window = aggregate.window if aggregate else None
            tally = Tally.of_data(kept)
            partials = [(None, tally.total)] if tally.total is not None else []
            for tile, partial in [*partials, *zip(tally.tiles, tally.partials, strict=True)]:
                until = NEVER_ENDS if window is None or tile is None else window.last(tile)
                if until >= self._hour:
                    for some in _sliced(partial, self._limits.part // 2):
                        yield _Piece(until, name, tile, some, len(orjson.dumps(some)) + 32, tally.seen)
            for kind, events in ((AHEAD, tally.future), (OWED, tally.owed)):
                for ahead, size in _some(sorted(events, key=_moment), self._limits.part // 2):
                    lasts = NEVER_ENDS
                    if window is not None:  # not before this hour: what has happened has yet to be seen
                        lasts = max(self._hour, *(window.last(window.tile(event[0])) for event in ahead))
                    yield _Piece(lasts, name, None, ahead, size, tally.seen, kind)


def _sliced(partial: Any, most: int) -> Iterator[Any]:
    """Some values at a time, where a partial has many."""
    if not isinstance(partial, dict) or len(orjson.dumps(partial)) <= most:
        yield partial
        return
    some: dict[str, int] = {}
    size = 0
    for key, count in partial.items():
        more = len(orjson.dumps(key)) + 22
        if some and size + more > most:
            yield some
            some, size = {}, 0
        some[key] = count
        size += more
    yield some


def _moment(event: list[Any]) -> tuple[int, str]:
    return event[0], repr(event)


def _some(events: list[list[Any]], most: int) -> Iterator[tuple[list[list[Any]], int]]:
    """Some events at a time, and their size; the next ones begin where these end."""
    some: list[list[Any]] = []
    size = 0
    for event in events:
        more = len(orjson.dumps(event)) + 1
        if some and size + more > most:
            yield some, size
            some, size = [], 0
        some.append(event)
        size += more
    if some:
        yield some, size


def _grouped(pieces: Iterable[_Piece], most: int) -> Iterator[list[_Piece]]:
    """Together at most so large; never two of the same tile, as each begins where another one ends."""
    group: list[_Piece] = []
    taken: set[tuple[str, str, int | None]] = set()
    size = 0
    for piece in pieces:
        if group and (size + piece.size > most or piece.place in taken):
            yield group
            group, taken, size = [], set(), 0
        group.append(piece)
        taken.add(piece.place)
        size += piece.size
    if group:
        yield group


def _data_of(group: list[_Piece]) -> dict[str, Any]:
    tallies: dict[str, Tally] = {}
    for piece in sorted(group, key=lambda piece: (piece.aggregate, piece.tile is not None, piece.tile or 0)):
        tally = tallies.setdefault(piece.aggregate, Tally(piece.seen))
        if piece.kind == AHEAD:
            tally.future = piece.partial
        elif piece.kind == OWED:
            tally.owed = piece.partial
        elif piece.tile is None:
            tally.total = piece.partial
        else:
            tally.tiles.append(piece.tile)
            tally.partials.append(piece.partial)
    return {name: tally.to_data() for name, tally in tallies.items()}
