"""All that is recorded of one profile: the identifiers that it gained, its merges, and what was set aside for it.

Invariant: the links of a story connect its identifiers as events did, so that a chain of them tells why two identifiers
are one profile.

>>> from personas.core.identity.external_id import ExternalId
>>> def gained(value, message, via=None):
...     seen = ExternalId("id", value, "users", "src1", 0, message)
...     return Fact("use_1", seen, "track", "id: at most 5 ever", Identifier("id", via) if via else None)
>>> story = Story(Root("use_1", 0), gained=(gained("a", "m1"), gained("b", "m1"), gained("c", "m2", via="b")))
>>> chain = story.chain(Identifier("id", "a"), Identifier("id", "c"))
>>> [(link.one.value, link.other.value, link.message_id) for link in chain]
[('a', 'b', 'm1'), ('b', 'c', 'm2')]
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from personas.core.identifier import Identifier
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.identity.root import Root

NEW, ADDED, MERGED, HELD = "new", "added", "merged", "held"
"""How an event linked two identifiers: it made their profile, added the one to the profile of the other, or made their
profiles one. `held` is no event: the profile holds both, and how that came about is not recorded any more."""


@dataclass(frozen=True, slots=True)
class Link:
    kind: str
    one: Identifier
    other: Identifier
    message_id: str
    source_id: str
    event: str
    """The type of the call."""
    at: int
    rule: str

    @property
    def turned(self) -> "Link":
        return replace(self, one=self.other, other=self.one)


@dataclass(frozen=True, slots=True)
class Story:
    root: Root
    gained: tuple[Fact, ...] = ()
    """Oldest first, as the others are."""
    merges: tuple[Merge, ...] = ()
    asides: tuple[Fact, ...] = ()
    complete: bool = True
    """Whether these are all that was set aside within the time that this is kept."""

    def identifiers(self) -> frozenset[Identifier]:
        return frozenset(fact.identifier for fact in self.gained)

    def chain(self, one: Identifier, other: Identifier) -> tuple[Link, ...]:
        """The fewest links from one identifier of the profile to another; of equally many, those of older events."""
        neighbours: dict[Identifier, list[Link]] = {}
        for link in self.links():
            neighbours.setdefault(link.one, []).append(link)
            neighbours.setdefault(link.other, []).append(link.turned)
        came_by: dict[Identifier, Link | None] = {one: None}
        ahead = deque([one])
        while ahead and other not in came_by:
            for link in neighbours.get(ahead.popleft(), ()):
                if link.other not in came_by:
                    came_by[link.other] = link
                    ahead.append(link.other)
        if other not in came_by:
            return (Link(HELD, one, other, "", "", "", self.root.created, ""),)
        return tuple(reversed(list(_back(came_by, other))))

    def links(self) -> list[Link]:
        """Oldest first."""
        made: dict[tuple[str, str], Identifier] = {}
        found = []
        for fact in self.gained:
            seen = fact.seen
            first = made.setdefault((fact.profile, seen.first_message_id), fact.identifier)
            via, kind = (fact.via, ADDED) if fact.via else (first, NEW)
            if via != fact.identifier:
                event = seen.first_message_id, seen.source_id, fact.event, seen.created_at
                found.append(Link(kind, via, fact.identifier, *event, fact.rule))
        for merge in self.merges:
            if merge.via:
                event = merge.message_id, merge.source_id, merge.event, merge.at
                found.append(Link(MERGED, merge.via, merge.identifier, *event, merge.rule))
        return sorted(found, key=lambda link: link.at)


def _back(came_by: dict[Identifier, Link | None], place: Identifier) -> Iterator[Link]:
    while link := came_by[place]:
        yield link
        place = link.one
