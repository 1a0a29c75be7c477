"""Whose a row of the archive is now, where the profile that folded it has been taken apart since."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from personas.core.identifier import Identifier
from personas.core.identity.unmerge import Unmerge
from personas.core.profile.delivery import Accepted, led_by
from personas.stores import graph_reads, unmerges

ROWS_AT_ONCE = 1_000
Asked = tuple[str, Identifier | None]
"""A profile that folded something, and the identifier by which it came there."""


class Owners:
    """Whose it is now what profiles of a space folded. Remembers what the graph said: for one short piece of work.

    The identifier decides, wherever it is by now: its profile may have been taken apart while events of it still came
    to the other one.
    """

    def __init__(self, space: str) -> None:
        self._space = space
        self._known: dict[Asked, str | None] = {}

    def __call__(self, profile: str, identifier: Identifier | None) -> str | None:
        """None: there is no such profile."""
        asked = profile, identifier
        if asked not in self._known:
            self.ask([asked])
        return self._known[asked]

    def ask(self, asked: Iterable[Asked]) -> None:
        """The graph about all of them in few calls; of each it can then be said without another."""
        wanted = [one for one in dict.fromkeys(asked) if one not in self._known]
        claimed = graph_reads.mappings((self._space, identifier) for _, identifier in wanted if identifier)
        ways = {
            (profile, identifier): (self._space, claimed.get((self._space, identifier), profile), identifier)
            if identifier
            else (self._space, profile, None)
            for profile, identifier in wanted
        }
        roots = graph_reads.current_roots(ways.values())
        self._known |= {one: roots[way].id if way in roots else None for one, way in ways.items()}


def parted_in(space: str) -> frozenset[str]:
    """The profiles whose rows may be another's than that of the profile they have become: those of unmerges, and what
    these have merged into since, as that folded for them until it was told."""
    ahead = {profile for unmerge in unmerges.of_space(space) for profile in (*unmerge.sides, *unmerge.origins)}
    found: set[str] = set()
    while ahead:
        found |= ahead
        roots = graph_reads.roots([(space, profile) for profile in ahead]).values()
        ahead = {root.merged_into for root in roots if root.merged_into} - found
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Rows:
    """Of a space, for one short piece of work."""

    parted: frozenset[str]
    """See `parted_in`."""
    _owners: Owners
    _unfollowed: Sequence[Unmerge] = ()

    @classmethod
    def of(cls, space: str, unfollowed: Sequence[Unmerge] = ()) -> "Rows":
        """`unfollowed`: unmerges to be passed over, as the profiles have not begun anew yet."""
        return cls(parted_in(space), Owners(space), unfollowed)

    def asked_about(self, rows: Iterable[Accepted]) -> Iterator[Accepted]:
        """The same rows; whose they are has been asked for many at once when they come."""
        if not self.parted:
            yield from rows
            return
        rows = iter(rows)
        while chunk := list(islice(rows, ROWS_AT_ONCE)):
            self._owners.ask((row.profile, led_by(row)) for row in chunk if row.profile in self.parted)
            yield from chunk

    def owner(self, row: Accepted) -> str:
        """The profile on the row, or whose the row is where that one has been taken apart."""
        if row.profile not in self.parted:
            return row.profile
        led = led_by(row)
        for unmerge in self._unfollowed:
            if row.profile in unmerge.origins and unmerge.takes(led, row.profile):
                return row.profile if row.profile == unmerge.other else unmerge.profile
        return self._owners(row.profile, led) or row.profile
