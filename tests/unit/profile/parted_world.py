"""People whose profiles also part again: the graph as unmerges leave it lies on the plane, for those who ask it."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from personas.core.envelope import EventEnvelope, MergeEnvelope
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.identity import cutting
from personas.core.identity.cutting import Cut, StillOne
from personas.core.identity.external_id import ExternalId
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.identity.root import Root
from personas.core.identity.unmerge import Unmerge, divide
from personas.core.identity.walk import Lost, walk
from personas.stores import graph_items, unmerges
from tests.unit.profile.world import World


def identifier_of(person: str) -> Identifier:
    return Identifier("anonymous_id", f"of {person}")


@dataclass
class PartedWorld(World):
    people: tuple[str, ...] = ()
    graph: dict[str, Root] = field(default_factory=dict)
    made_for: dict[str, set[str]] = field(default_factory=dict)
    """Profiles that an unmerge made, and the people whose identifiers it gave them."""
    merges: list[Merge] = field(default_factory=list)
    """That were not taken back."""
    undone: int = 0

    def begin(self) -> None:
        for person in self.people:
            self._put(Root(person, created=0, version=1, claims={"anonymous_id": (0,)}))
            self.plane.put_item("identity_table", graph_items.mapping_item(self.space, identifier_of(person), person))

    def _put(self, root: Root) -> None:
        self.graph[root.id] = root
        self.plane.put_item("identity_table", graph_items.root_item(self.space, root))
        self.roots = {one.id: one.merged_into for one in self.graph.values() if one.merged_into}

    def root(self, profile: str) -> str:
        """The profile that a person's identifier leads to; of a profile that an unmerge made, what it has become."""
        return self.owner(profile, identifier_of(profile) if profile in self.people else None)

    def owner(self, profile: str, identifier: Identifier | None) -> str:
        end = walk(self.graph.get, profile, identifier)
        assert not isinstance(end, Lost)
        return end.id

    def whose(self, identifier: Identifier) -> str:
        return self.root(identifier.value.removeprefix("of "))

    def resolved(self, profile: str, event: Event, account: str | None = None) -> EventEnvelope:
        envelope = super().resolved(profile, event, account)
        assert envelope.identifiers[0] == identifier_of(profile)
        return envelope

    def may_merge(self, loser: str, survivor: str) -> bool:
        return not self.graph[loser].is_apart_from(self.graph[survivor])

    def merge_by(self, one: str, other: str) -> MergeEnvelope | None:
        """An event carries identifiers of both people. None: they are one already, or are to stay apart."""
        (survivor, near), (loser, far) = sorted(
            ((self.graph[self.root(person)], person) for person in (one, other)), key=lambda entry: entry[0].age
        )
        if survivor.id == loser.id or loser.is_apart_from(survivor):
            return None
        merge = Merge(
            f"m{loser.id}.{loser.version}",
            survivor.id,
            loser.id,
            self.clock.ms,
            "m",
            "src",
            identifier_of(far),
            "",
            via=identifier_of(near),
            epoch=loser.epoch,
        )
        self.merges.append(merge)
        self._put(loser.yielding_to(survivor))
        self._put(survivor.absorbing(loser))
        return MergeEnvelope(self.space, loser.id, survivor.id, merge.id, merge.at, merge.epoch)

    def undo(self, which: int) -> Unmerge | None:
        """Take one of the merges back that stand."""
        if not self.merges:
            return None
        merge = self.merges[which % len(self.merges)]
        root = self.graph[self.owner(merge.loser, None)]
        if self._is_under_way():
            return None
        standing = [one for one in self.merges if one.loser in root.merged]
        if merge not in standing:
            return None
        held = [self._fact(person) for person in self.people if self.root(person) == root.id]
        family = {root.id, *root.merged}
        drawn = [self._fact(person) for person in self.people if person in {*family, *root.origins}]
        given = {identifier_of(one): made for made, people in self.made_for.items() if made in family for one in people}
        try:
            cut = cutting.along(merge, root, held, drawn, standing, given)
        except StillOne:
            return None
        self.merges.remove(merge)
        return self._divide(root, cut)

    def take_out(self, of: str, leaving: set[str]) -> Unmerge | None:
        """Of the people who are one profile, these leave it."""
        root = self.graph[self.root(of)]
        if self._is_under_way():
            return None
        held = [self._fact(person) for person in self.people if self.root(person) == root.id]
        cut = cutting.out_of(held, {identifier_of(person) for person in leaving})
        return self._divide(root, cut) if cut.leaving and cut.staying else None

    def _is_under_way(self) -> bool:
        return bool(unmerges.pending(self.space))

    def _divide(self, root: Root, cut: Cut) -> Unmerge:
        self.undone += 1
        new_id = f"use_n{self.undone}"
        merged = {one: self.graph[one] for one in root.merged}
        divided = divide(f"unm_{self.undone}", self.space, root, merged, cut, new_id, self.clock.ms)
        if divided.other.id == new_id:
            self.made_for[new_id] = {fact.profile for fact in cut.leaving}
        self._put(divided.root)
        self._put(divided.other)
        self.plane.put_item("identity_table", unmerges.item_of(divided.unmerge))
        return divided.unmerge

    def _fact(self, person: str) -> Fact:
        seen = ExternalId("anonymous_id", f"of {person}", "users", "src", 0, "m")
        return Fact(person, seen, "track", "")


def row_owner(world: PartedWorld, row: dict[str, Any]) -> str:
    return world.whose(Identifier.of_data(orjson.loads(row["identifiers"])[0]))
