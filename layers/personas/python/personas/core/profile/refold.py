"""Counting again, from rows of the archive: what a profile that was made two is given back, and what its accounts are.

Invariant: an event counts once, however many rows tell of it, and for one profile: the one that its first identifier
led to, which ranked highest. It counts for what is kept since no later version than that with which it had been folded,
or the whole had been counted: what is kept since a later one is given it by a backfill, which began meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.identifier import Identifier
from personas.core.profile.custom import Stamp, set_traits
from personas.core.profile.delivery import Accepted, Number, led_by
from personas.core.profile.life import Life
from personas.core.profile.part import Part, TakenBack
from personas.core.profile.parted import Awaited, Ended
from personas.core.profile.profile import Seen

CHUNK = 300_000
"""Bytes of events in one part: compressed or not, it fits into a record of the stream."""

Owner = Callable[[str, Identifier | None], str | None]
"""The profile to which what came to a profile by an identifier belongs now."""


Versions = Callable[[int], DefinitionSet]
"""The space's definitions of a version."""


@dataclass(frozen=True, slots=True)
class Share:
    """Of one of the two."""

    profile: str
    """As it is called now."""
    version: int
    """Of the definitions with which the whole had been counted."""
    rows: tuple[Accepted, ...]
    """Each event once, in the order in which they were folded."""
    folded: tuple[frozenset[bytes], ...]
    """For each of what had ended: the fingerprints of the events that had been counted in it."""
    repeated: tuple[Accepted, ...] = ()
    """Countings of events that others of these rows had counted, too, and that no row takes back."""

    @classmethod
    def of(cls, profile: str, awaited: Awaited, rows: Iterable[Accepted], owner: Owner) -> "Share":
        """`rows`: in any order, repeats included; at least all that are awaited."""
        counted: dict[bytes, dict[str, Accepted]] = {}
        taken: dict[bytes, set[tuple[str, Number]]] = {}
        folded: list[set[bytes]] = [set() for _ in awaited.ended]
        for row in rows:
            within = [place for place, one in enumerate(awaited.ended) if _among(one, row)]
            if not within:
                continue
            if row.taken_back:
                taken.setdefault(row.fingerprint, set()).add((row.profile, row.number))
                continue
            for place in within:
                folded[place].add(row.fingerprint)
            by = counted.setdefault(row.fingerprint, {})
            by[row.profile] = min(by.get(row.profile, row), row, key=_number)
        mine: list[Accepted] = []
        repeated: list[Accepted] = []
        for known, by in counted.items():
            first, *more = sorted(by.values(), key=lambda row: (row.version, row.number))
            if owner(first.profile, led_by(first)) == profile:
                mine.append(first)
                repeated += more[len(taken.get(known, ())) :]
        rows_of_it, known_of = tuple(sorted(mine, key=_number)), tuple(map(frozenset, folded))
        return cls(profile, awaited.version, rows_of_it, known_of, tuple(repeated))

    def counted_as_of(self, row: Accepted) -> int:
        """The version of the definitions that are to count it."""
        return max(self.version, row.version)

    @property
    def newest(self) -> int:
        """Of these versions."""
        return max(map(self.counted_as_of, self.rows), default=self.version)

    def taken_back(self) -> list[Accepted]:
        """Rows for the archive, which say so to whoever counts again under later definitions. Readers know them again
        by their numbers."""
        return [row._replace(account=None, version=self.counted_as_of(row), taken_back=True) for row in self.repeated]

    def part(self, versions: Versions, shown: Iterable[Identifier], owner: Owner, now_ms: int) -> Part:
        """`shown`: the identifiers of the whole. Tools are told of each by whom it belongs to, also where of the events
        that came by it none is: an event that came by several went with the first."""
        life, compute, promotions = Life(), ComputeState(), versions(self.version).promotions
        life.identify(one for one in shown if owner(self.profile, one) == self.profile)
        for row in self.rows:
            event = row.event
            if event.type == "identify":
                set_traits(life.custom, event.traits, Stamp.of(event))
            if promotions and (promoted := promotions.of(event)):
                set_traits(life.custom, promoted, Stamp.of(event))
            compute.add(versions(self.counted_as_of(row)), event, now_ms)
            life.identify(one for one in row.identifiers if owner(row.profile, one) == self.profile)
            life.see(Seen(event.received, event.message_id, event.source))
            if row.account:
                life.accounts.add(row.account)
        return Part(
            custom=life.custom,
            identifiers=life.listed,
            accounts=tuple(sorted(life.accounts)),
            first=life.first,
            last=life.last,
            events=len(self.rows),
            compute=compute.to_data(),
        )

    def corrections(self, awaited: Awaited, versions: Versions, now_ms: int) -> Iterator[tuple[str, Part]]:
        """What accounts lack of it, and what they had been given too often: that of which it is no member any more."""
        accounts = {row.account for row in self.rows if row.account}
        for account in sorted(accounts.union(*(ended.accounts for ended in awaited.ended))):
            given = [
                known for known, ended in zip(self.folded, awaited.ended, strict=True) if account in ended.accounts
            ]
            compute, back = ComputeState(), []
            for row in self.rows:
                # Two may have counted one event, before either knew of the other.
                lacking = (account in accounts) - sum(row.fingerprint in known for known in given)
                if lacking > 0:
                    compute.add(versions(self.counted_as_of(row)).told, row.event, now_ms)
                back += [row] * -lacking
            if compute:
                yield account, Part(compute=compute.to_data())
            for chunk in _chunks(back):
                yield account, Part(taken_back=tuple(TakenBack(self.counted_as_of(row), row.event) for row in chunk))


def _number(row: Accepted) -> Number:
    return row.number


def _among(ended: Ended, row: Accepted) -> bool:
    place = row.number[1:]
    mine = (stretch for stretch in ended.stretches if stretch.profile == row.profile)
    return any(one.has_taken_back(place) if row.taken_back else place in one for one in mine)


def _chunks(rows: Sequence[Accepted]) -> Iterator[list[Accepted]]:
    chunk: list[Accepted] = []
    size = 0
    for row in rows:
        length = len(orjson.dumps(row.event.body))
        if chunk and size + length > CHUNK:
            yield chunk
            chunk, size = [], 0
        chunk.append(row)
        size += length
    if chunk:
        yield chunk
