"""Which part of what is kept leaves a state that grows, and how what has left it is kept in order.

What is large leaves the state as a whole: totals and tiles of those aggregates that take the most room, so that the
state which is written with every batch stays small. What has left is never changed; it lies in parts beside each other
until there is as much of it as of what was there before. Then all of it is added up, what nobody can see any more is
dropped, and the rest is written anew, the oldest first: so that each part ends at its own time, that nothing is kept
more than twice, and that whatever leaves the state is written about twice more, however long the profile lives.
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

NEVER_ENDS = 1 << 62


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
    """As small as it gets: of one aggregate the total or a tile, or some of the values in these where they are many."""

    until: int
    aggregate: str
    tile: int | None
    partial: Any
    size: int


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
            self._cold.drop(self._cold.refs)
            found = self._written(united.data(), whole=True)
        for ref, part in found.items():
            self._cold.append(ref, part)
        return found

    def _moved_out(self) -> dict[str, Any]:
        """The largest, until what stays is a quarter; nothing where that would hardly make a difference."""
        kept = {}
        for name, data in self._tallies.data().items():
            movable = {field: data[field] for field in ("t", "w") if field in data}
            if movable and "s" not in data:  # of what was not seen there are debts at most, and a part says it was seen
                kept[name] = movable
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
            name = blake2b(self._nonce.encode() + packed, digest_size=12).hexdigest()
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
                        yield _Piece(until, name, tile, some, len(orjson.dumps(some)) + 32)


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


def _grouped(pieces: Iterable[_Piece], most: int) -> Iterator[list[_Piece]]:
    """Together at most so large; never two of the same tile, as each begins where another one ends."""
    group: list[_Piece] = []
    taken: set[tuple[str, int | None]] = set()
    size = 0
    for piece in pieces:
        place = (piece.aggregate, piece.tile)
        if group and (size + piece.size > most or place in taken):
            yield group
            group, taken, size = [], set(), 0
        group.append(piece)
        taken.add(place)
        size += piece.size
    if group:
        yield group


def _data_of(group: list[_Piece]) -> dict[str, Any]:
    tallies: dict[str, Tally] = {}
    for piece in sorted(group, key=lambda piece: (piece.aggregate, piece.tile is not None, piece.tile or 0)):
        tally = tallies.setdefault(piece.aggregate, Tally(seen=True))
        if piece.tile is None:
            tally.total = piece.partial
        else:
            tally.tiles.append(piece.tile)
            tally.partials.append(piece.partial)
    return {name: tally.to_data() for name, tally in tallies.items()}
