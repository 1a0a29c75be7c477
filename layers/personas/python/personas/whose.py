"""Whose a row of the archive is now, where the profile that folded it has been taken apart since."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from personas.core.identifier import Identifier
from personas.core.profile.delivery import Accepted, led_by
from personas.stores import graph_reads, unmerges


def owner_in(space: str) -> Callable[[str, Identifier | None], str | None]:
    """To whom it belongs now that a profile folded something by an identifier. None: there is no such profile.

    The identifier decides, wherever it is by now: its profile may have been taken apart while events of it still came
    to the other one. Asks the graph, and remembers what it said: for one short piece of work.
    """

    @cache
    def owner(profile: str, identifier: Identifier | None) -> str | None:
        claimed = graph_reads.mappings([(space, identifier)]).values() if identifier else ()
        way = (space, next(iter(claimed), profile), identifier)
        root = graph_reads.current_roots([way]).get(way)
        return root.id if root else None

    return owner


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
    _owner: Callable[[str, Identifier | None], str | None]

    @classmethod
    def of(cls, space: str) -> "Rows":
        return cls(parted_in(space), owner_in(space))

    def owner(self, row: Accepted) -> str:
        """The profile on the row, or whose the row is where that one has been taken apart."""
        return (self._owner(row.profile, led_by(row)) or row.profile) if row.profile in self.parted else row.profile
