"""The identity graph for everybody who asks it: which profile has an identifier, and what makes up a profile.

Whatever id a profile is asked by, the answer is about the one that it has become. graph_items.py says what is stored.

Facts stay where they were written. Once an unmerge has been at work (the root's `origins` tell), a fact may lie under a
profile that has become another one than the fact's identifier has: then each is held against where its way leads now.
"""

from collections.abc import Iterable, Sequence

from personas import dynamo
from personas.core.identifier import Identifier
from personas.core.identity.cutting import made_by
from personas.core.identity.external_id import ExternalId
from personas.core.identity.fact import Fact
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
    root = root_of(space, claimed, wanted[1]) if claimed else None
    return root.id if root else None


def current(space: str, profile: str) -> str | None:
    """The profile that this one has become (itself, unless it was merged); None where there is no such profile."""
    root = root_of(space, profile)
    return root.id if root else None


def lineage(space: str, profile: str) -> tuple[str, ...]:
    """The profile that this one has become, then every profile that was merged into it; empty where there is none."""
    root = root_of(space, profile)
    return (root.id, *root.merged) if root else ()


def root_of(space: str, profile: str, identifier: Identifier | None = None) -> Root | None:
    """The root that the profile has become; of an identifier that the profile claimed, the root that has it now."""
    if len(profile) > MAX_ID:
        return None
    way = (space, profile, identifier)
    return reads.current_roots([way]).get(way)


def identifiers(space: str, profile: str) -> tuple[ExternalId, ...]:
    """Of the profile and of all that were merged into it, oldest first."""
    root = root_of(space, profile)
    found = [fact.seen for fact in claims(space, root)] if root else []
    return tuple(sorted(found, key=lambda one: (one.created_at, one.type, one.id)))


def claims(space: str, root: Root) -> list[Fact]:
    """The facts by which the profile has its identifiers, in no order."""
    return held(space, root, list(map(items.fact_of, facts_under(space, members_of(root), items.FACT_OF_IDENTIFIER))))


def held(space: str, root: Root, found: list[Fact]) -> list[Fact]:
    """Of the facts under its members, those of identifiers that the profile has."""
    if not root.origins:
        return found
    ways = [(space, fact.profile, fact.identifier) for fact in found]
    ends = reads.current_roots(ways)
    return [fact for fact, way in zip(found, ways, strict=True) if way in ends and ends[way].id == root.id]


def merges(space: str, profile: str) -> tuple[Merge, ...]:
    """Every merge that made the profile what it is, oldest first; what was undone is not among them."""
    root = root_of(space, profile)
    if root is None:
        return ()
    found = [items.merge_of(item) for item in facts_under(space, members_of(root), items.FACT_OF_MERGE)]
    held = {fact.identifier for fact in claims(space, root)} if found and root.origins else set()
    standing = [merge for merge in found if merge.undone is None and made_by(merge, root, held)]
    return tuple(sorted(standing, key=lambda merge: (merge.at, merge.id)))


def members_of(root: Root) -> tuple[str, ...]:
    """The profiles under which facts of the profile lie, and perhaps others."""
    return tuple(dict.fromkeys((root.id, *root.merged, *root.origins)))


def facts_under(space: str, profiles: Sequence[str], prefix: str) -> Iterable[items.Item]:
    """Items of one kind (`graph_items.FACT_OF_…`) under the profiles themselves, wherever they have merged to."""
    for profile in profiles:
        yield from dynamo.query(
            items.table(),
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": {"S": items.profile_pk(space, profile)}, ":prefix": {"S": prefix}},
            ConsistentRead=True,
        )
