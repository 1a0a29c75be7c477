"""The identity graph for everybody who asks it: which profile has an identifier, and what makes up a profile.

Whatever id a profile is asked by, the answer is about the one that it has become. graph_items.py says what is stored.
"""

from collections.abc import Iterable

from personas import dynamo
from personas.core.identifier import Identifier
from personas.core.identity.external_id import ExternalId
from personas.core.identity.merge import Merge
from personas.core.identity.root import Root
from personas.stores import graph_items as items
from personas.stores import graph_reads as reads

MAX_ID = 64
"""Characters: longer texts that somebody asks by are no id of a profile, and may be too long for a key."""


def find_profile(space: str, collection: str, type: str, value: str) -> str | None:
    """The id of the profile that has the identifier, following merges; None where nobody has."""
    wanted = space, Identifier(type, value, collection)
    claimed = reads.mappings([wanted]).get(wanted)
    root = _current(space, claimed) if claimed else None
    return root.id if root else None


def current(space: str, profile: str) -> str | None:
    """The profile that this one has become (itself, unless it was merged); None where there is no such profile."""
    root = _current(space, profile)
    return root.id if root else None


def lineage(space: str, profile: str) -> tuple[str, ...]:
    """The profile that this one has become, then every profile that was merged into it; empty where there is none."""
    root = _current(space, profile)
    return (root.id, *root.merged) if root else ()


def identifiers(space: str, profile: str) -> tuple[ExternalId, ...]:
    """Of the profile and of all that were merged into it, oldest first."""
    found = [items.external_id_of(item) for item in _facts(space, profile, items.FACT_OF_IDENTIFIER)]
    return tuple(sorted(found, key=lambda one: (one.created_at, one.type, one.id)))


def merges(space: str, profile: str) -> tuple[Merge, ...]:
    """Every merge that made the profile what it is, oldest first."""
    found = [items.merge_of(item) for item in _facts(space, profile, items.FACT_OF_MERGE)]
    return tuple(sorted(found, key=lambda merge: (merge.at, merge.id)))


def _facts(space: str, profile: str, prefix: str) -> Iterable[items.Item]:
    for member in lineage(space, profile):
        yield from dynamo.query(
            items.table(),
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": {"S": items.profile_pk(space, member)}, ":prefix": {"S": prefix}},
            ConsistentRead=True,
        )


def _current(space: str, profile: str) -> Root | None:
    if len(profile) > MAX_ID:
        return None
    return reads.current_root(reads.roots_and_survivors([(space, profile)]), space, profile)
