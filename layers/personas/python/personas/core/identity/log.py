"""The identity log: what happened to the graph, as entries that say of one profile or one identifier what it is now.

The archive keeps them (stores/identity_log.py). Invariant: an entry says all by itself. A merge therefore becomes one
for the loser and one for each profile that the loser had absorbed, and a profile's last entry says who it is now.

>>> from personas.core.identity.external_id import ExternalId
>>> seen = ExternalId("email", "a@x", "users", "src", created_at=7, first_message_id="m")
>>> [(one.kind, one.canonical, one.value) for one in of_fact("sp", Fact("use_1", seen, "identify", "r", version=1))]
[('began', 'use_1', ''), ('gained', 'use_1', 'a@x')]
>>> merge = Merge("use_2.3", "use_1", "use_2", 9, "m", "src", seen.identifier, "r", version=4, absorbed=("use_3",))
>>> [(one.kind, one.profile, one.canonical) for one in of_merge("sp", merge)]
[('merged', 'use_2', 'use_1'), ('merged', 'use_3', 'use_1')]
"""

from dataclasses import dataclass, replace

from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.identity.unmerge import Unmerge

FIRST = 1
"""The version of a root with what the event brought that made it."""

BEGAN, GAINED, MERGED, PARTED, MOVED = "began", "gained", "merged", "parted", "moved"


@dataclass(frozen=True, slots=True)
class Entry:
    space: str
    kind: str
    """`began`: the profile was made. `gained`: it has an identifier that nobody had. `merged`: it is part of another.
    `parted`: an unmerge made it another's, or its own again. `moved`: an unmerge gave the identifier to the profile."""
    profile: str
    canonical: str
    """Which profile it is from now on."""
    received: int
    """When the event that did it was received, or the unmerge was made, in ms."""
    version: int = 0
    """Of the root that changed: of two entries of a profile that no unmerge lies between, the later one's is larger."""
    digest: str = ""
    """Of the identifier, of what was gained or moved."""
    type: str = ""
    value: str = ""
    collection: str = "users"
    source: str = ""
    message_id: str = ""
    """Of the event; of an unmerge its id."""
    event: str = ""
    """The type of the call, such as `identify`; `unmerge`."""
    event_name: str | None = None
    event_at: int = 0
    """When the event happened by its own timestamp, in ms."""
    rule: str = ""
    """The identity rule by which it happened, in words."""


def of_fact(space: str, fact: Fact) -> list[Entry]:
    """Of an identifier that was gained. Of several that made a profile, each says that it began."""
    seen = fact.seen
    gained = Entry(
        space=space,
        kind=GAINED,
        profile=fact.profile,
        canonical=fact.profile,
        received=seen.created_at,
        version=fact.version,
        digest=fact.identifier.digest,
        type=seen.type,
        value=seen.id,
        collection=seen.collection,
        source=seen.source_id,
        message_id=seen.first_message_id,
        event=fact.event,
        event_name=fact.event_name,
        event_at=fact.event_at or seen.created_at,
        rule=fact.rule,
    )
    if fact.version != FIRST:
        return [gained]
    return [_without_identifier(gained, BEGAN), gained]


def of_merge(space: str, merge: Merge) -> list[Entry]:
    """Whether or not it was undone since: that is another entry."""
    return [
        Entry(
            space=space,
            kind=MERGED,
            profile=profile,
            canonical=merge.survivor,
            received=merge.at,
            version=merge.version,
            collection=merge.identifier.collection,
            source=merge.source_id,
            message_id=merge.message_id,
            event=merge.event,
            event_name=merge.event_name,
            event_at=merge.event_at or merge.at,
            rule=merge.rule,
        )
        for profile in (merge.loser, *merge.absorbed)
    ]


def of_unmerge(unmerge: Unmerge) -> list[Entry]:
    def entry(kind: str, profile: str, digest: str = "") -> Entry:
        return Entry(
            space=unmerge.space,
            kind=kind,
            profile=profile,
            canonical=unmerge.other,
            received=unmerge.at,
            digest=digest,
            message_id=unmerge.id,
            event="unmerge",
            event_at=unmerge.at,
        )

    parted = dict.fromkeys((unmerge.other, *unmerge.leaving))
    return [
        *(entry(PARTED, profile) for profile in parted),
        *(entry(MOVED, unmerge.other, digest) for digest in unmerge.keys),
    ]


def _without_identifier(entry: Entry, kind: str) -> Entry:
    return replace(entry, kind=kind, digest="", type="", value="", rule="")
