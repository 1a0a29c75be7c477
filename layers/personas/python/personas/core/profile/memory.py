"""The memory of a profile: the fingerprints of what it has folded, for 72 hours, so that nothing is folded twice.

An entry is a fingerprint with the hour it belongs to (an event's hour of receipt; for an absorbed part the hour it was
absorbed) and the version of the definitions it was folded with. Entries lie in the state while they are few. When there
are more, they move as a whole into an item of their own, a **spill**, which is never changed: the state lists the
spills that count, so that a spill whose state was never written does not count. A merge hands spills over by reference.

>>> memory = Memory()
>>> memory.add(b"12345678", 500_000, 3)
>>> memory.knows(b"12345678"), memory.knows(b"87654321")
(True, False)
>>> Memory.of_data(memory.to_data()).entry(b"12345678")
Entry(hour=500000, version=3)

What it came with stays as it lies in the state, fingerprints of one hour and version side by side, and is searched
there: most are never asked for one by one.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

HOURS = 72
"""More than the 24 hours in which a sender may repeat a message and the age that records of both streams may reach."""

INLINE = 512
"""Entries that the state carries itself."""

_SIZE = 8  # bytes of a fingerprint


class Entry(NamedTuple):
    hour: int
    version: int


@dataclass(frozen=True, slots=True)
class Spill:
    """Where entries lie that the state does not carry."""

    owner: str
    """The profile under whose key the item lies: this one, or one that merged into it."""
    number: int
    newest: int
    """The hour of its newest entry."""

    def to_data(self) -> list[Any]:
        return [self.owner, self.number, self.newest]


Entries = dict[bytes, Entry]
Groups = dict[Entry, bytes]
"""Fingerprints of one entry, side by side."""


class Memory:
    """Mutable: the working memory of one profile while its actor acts."""

    __slots__ = ("_added", "_came", "_groups", "_loaded", "next", "spills")

    def __init__(self) -> None:
        self._groups: Groups = {}
        """What it came with."""
        self._came = b""
        """All of its fingerprints."""
        self._added: Entries = {}
        self.spills: list[Spill] = []
        self.next = 0
        """The number of the next spill. Numbers are never used again: an older state may list what lies there."""
        self._loaded: Entries = {}

    @property
    def entries(self) -> Entries:
        """Those that do not lie in spills."""
        return _entries(self._groups) | self._added

    def load(self, spilled: Mapping[Spill, Entries]) -> list[Spill]:
        """Take in the entries of its spills; returns the spills that are not among those given."""
        missing = []
        for spill in self.spills:
            if spill in spilled:
                self._loaded.update(spilled[spill])
            else:
                missing.append(spill)
        return missing

    def knows(self, fingerprint: bytes) -> bool:
        if fingerprint in self._added or fingerprint in self._loaded:
            return True
        place = self._came.find(fingerprint)
        return place >= 0 and (place % _SIZE == 0 or _holds(self._came, fingerprint))

    def entry(self, fingerprint: bytes) -> Entry:
        """Raises KeyError for a fingerprint that it does not know."""
        for entry, group in self._groups.items():
            if _holds(group, fingerprint):
                return entry
        return self._added.get(fingerprint) or self._loaded[fingerprint]

    def add(self, fingerprint: bytes, hour: int, version: int) -> None:
        """Of one that it does not know."""
        self._added[fingerprint] = Entry(hour, version)

    def all(self) -> Iterator[tuple[bytes, Entry]]:
        yield from self._loaded.items()
        yield from self.entries.items()

    def unite(self, other: "Memory") -> None:
        """Take in what another profile remembers."""
        for fingerprint, entry in other.entries.items():
            if not self.knows(fingerprint):
                self._added[fingerprint] = entry
        self.spills += [spill for spill in other.spills if spill not in self.spills]
        self._loaded.update(other._loaded)

    def clear(self) -> None:
        """Forget everything but the numbers that are taken."""
        self._set({})
        self.spills, self._loaded = [], {}

    def prune(self, hour: int) -> None:
        """Forget what is older than the memory reaches at that hour."""
        oldest = hour - HOURS
        if self._groups and min(self._groups)[0] < oldest:
            self._set({entry: group for entry, group in self._groups.items() if entry.hour >= oldest}, self._added)
        if self._added and min(self._added.values())[0] < oldest:
            self._added = {known: entry for known, entry in self._added.items() if entry.hour >= oldest}
        if self.spills:
            self.spills = [spill for spill in self.spills if spill.newest >= oldest]

    def spill(self, owner: str) -> tuple[Spill, Entries] | None:
        """Where there are too many entries for the state: move them all into a new spill, to be written before it."""
        if len(self._came) // _SIZE + len(self._added) <= INLINE:
            return None
        moved = self.entries
        spill = Spill(owner, self.next, max(entry.hour for entry in moved.values()))
        self.next += 1
        self._set({})
        self._loaded.update(moved)
        self.spills.append(spill)
        return spill, moved

    def _set(self, groups: Groups, added: Entries | None = None) -> None:
        self._groups, self._came, self._added = groups, b"".join(groups.values()), added or {}

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {}
        if self._groups or self._added:
            data["e"] = _written(_with(self._groups, self._added))
        if self.spills:
            data["s"] = [spill.to_data() for spill in self.spills]
        if self.next:
            data["n"] = self.next
        return data

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> "Memory":
        memory = cls()
        memory._set(_read(data.get("e", ())))
        if "s" in data:
            memory.spills = [Spill(*spill) for spill in data["s"]]
        memory.next = data.get("n", 0)
        return memory


def pack_entries(entries: Entries) -> list[Any]:
    return _written(_with({}, entries))


def read_entries(data: Any) -> Entries:
    return _entries(_read(data))


def _with(groups: Groups, entries: Entries) -> Groups:
    """Entries of one hour and version lie side by side."""
    found = dict(groups)
    for fingerprint, entry in entries.items():
        found[entry] = found.get(entry, b"") + fingerprint
    return found


def _written(groups: Groups) -> list[Any]:
    return [[hour, version, b2a_base64(group, newline=False).decode()] for (hour, version), group in groups.items()]


def _read(data: Any) -> Groups:
    return {Entry(hour, version): a2b_base64(text) for hour, version, text in data}


def _entries(groups: Groups) -> Entries:
    return {
        group[start : start + _SIZE]: entry for entry, group in groups.items() for start in range(0, len(group), _SIZE)
    }


def _holds(group: bytes, fingerprint: bytes) -> bool:
    """Whether it is one of those that lie side by side; what lies across two of them is none."""
    place = group.find(fingerprint)
    while place % _SIZE and place > 0:
        place = group.find(fingerprint, place + 1)
    return place >= 0
