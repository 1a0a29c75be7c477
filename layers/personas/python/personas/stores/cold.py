"""Cold parts of states: the items `cold#{name}` {data} under the key of the profile that they belong to.

Invariant: what lies under a name never changes (the name says what is in it), so that a warm worker reads a part only
once. A part is written before the state that lists it, and deleted with the write after the one that unlists it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import cache

from personas import dynamo, wire
from personas.core.compute.cold import ColdPart, Ref
from personas.core.errors import Unavailable
from personas.profiles_table import Item, bytes_of, key, profile_pk, table

MOST_BYTES = 8_000_000
"""Of parts, as they are stored, that a worker remembers: in memory they take some times more."""

Place = tuple[str, str, str]
"""Space, owner, name."""


class PartMissing(Unavailable):
    """A state lists a part that is not there: the state has been written since it was read."""


class _Remembered:
    """The parts that were used last."""

    def __init__(self) -> None:
        self._parts: OrderedDict[Place, tuple[ColdPart, int]] = OrderedDict()
        self._bytes = 0

    def get(self, place: Place) -> ColdPart | None:
        if place not in self._parts:
            return None
        self._parts.move_to_end(place)
        return self._parts[place][0]

    def put(self, place: Place, part: ColdPart, size: int) -> None:
        if place in self._parts:
            return
        self._parts[place] = part, size
        self._bytes += size
        while self._bytes > MOST_BYTES:
            _, (_, oldest) = self._parts.popitem(last=False)
            self._bytes -= oldest


@cache
def remembered() -> _Remembered:
    return _Remembered()


def items(space: str, parts: Mapping[Ref, ColdPart]) -> list[Item]:
    """To be put. Idempotent."""
    return [{**key_of(space, ref), "data": {"B": wire.pack(part.data, 6)}} for ref, part in parts.items()]


def key_of(space: str, ref: Ref) -> Item:
    return key(profile_pk(space, ref.owner), f"cold#{ref.name}")


def read(space: str, refs: Iterable[Ref]) -> dict[Ref, ColdPart]:
    """Those that are there."""
    known = remembered()
    found: dict[Ref, ColdPart] = {}
    lacking: dict[tuple[str, str], Ref] = {}
    for ref in refs:
        part = known.get((space, ref.owner, ref.name))
        if part is not None:
            found[ref] = part
        else:
            lacking[profile_pk(space, ref.owner), f"cold#{ref.name}"] = ref
    for item in dynamo.batch_get(table(), [key(*place) for place in lacking]) if lacking else ():
        ref = lacking[item["pk"]["S"], item["sk"]["S"]]
        packed = bytes_of(item["data"])
        found[ref] = ColdPart(wire.unpack(packed))
        known.put((space, ref.owner, ref.name), found[ref], len(packed))
    return found
