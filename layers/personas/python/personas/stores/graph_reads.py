"""Reading mappings and roots in few calls: one for all identifiers, then one for each step along merged roots."""

from collections.abc import Collection, Iterable

from personas import dynamo
from personas.core.errors import PersonasError
from personas.core.identifier import Identifier
from personas.core.identity.root import Root
from personas.core.identity.rules import MAX_MERGES
from personas.core.identity.walk import Lost, walk
from personas.stores import graph_items as items

SpaceIdentifier = tuple[str, Identifier]
SpaceProfile = tuple[str, str]
Way = tuple[str, str, Identifier | None]
"""Space, the profile where it begins, the identifier that led there (None: the profile itself is asked about)."""

STEPS = 2 * MAX_MERGES


class MergesInACircle(PersonasError):
    """Following merged roots came back to where it had been: somebody wrote to the table by hand."""


def mappings(wanted: Iterable[SpaceIdentifier]) -> dict[SpaceIdentifier, str]:
    """The profile that claimed each; identifiers that nobody claimed are absent. Read consistently."""
    by_pk = {items.mapping_key(*one)["pk"]["S"]: one for one in wanted}
    keys = [items.mapping_key(*one) for one in by_pk.values()]
    return {by_pk[item["pk"]["S"]]: item["profile"]["S"] for item in dynamo.batch_get(items.table(), keys)}


def roots(wanted: Collection[SpaceProfile]) -> dict[SpaceProfile, Root]:
    """The roots of the profiles, merged or not, as they are; those that do not exist are absent. Read consistently."""
    by_pk = {items.profile_pk(*one): one for one in wanted}
    keys = [items.root_key(*one) for one in by_pk.values()]
    return {by_pk[item["pk"]["S"]]: items.root_of(item) for item in dynamo.batch_get(items.table(), keys)}


def current_roots(wanted: Iterable[Way]) -> dict[Way, Root]:
    """Where each way leads now, around by unmerges; ways on which a root is missing are absent.

    Read consistently: roots that do not fit each other were changed in between, and are read again. Raises
    MergesInACircle.
    """
    found: dict[SpaceProfile, Root] = {}

    def end_of(way: Way) -> Root | Lost:
        space, profile, identifier = way
        return walk(lambda one: found.get((space, one)), profile, identifier)

    ahead = dict.fromkeys(wanted)
    ends: dict[Way, Root] = {}
    for _ in range(STEPS):
        lost: set[SpaceProfile] = set()
        for way in list(ahead):
            end = end_of(way)
            if isinstance(end, Root):
                ends[way] = end
                del ahead[way]
            else:
                lost |= {(way[0], one) for one in end.profiles}
        read = roots(lost) if lost else {}
        if not read:
            return ends
        found |= read
    raise MergesInACircle(f"profiles {sorted({profile for _, profile, _ in ahead})}")
