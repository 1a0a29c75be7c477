"""A world whose people are told apart by the real identity stage: calls are resolved there, merges are announced from
the facts that it writes, and profiles are taken apart as the Control API does it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from functions.merges import handler as merges
from personas import unmerging
from personas.core.activation.changes import Changes
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.identity.unmerge import Unmerge
from personas.stores import graph, links, profiles
from tests.unit.identity import identity_world
from tests.unit.profile.told import Tool
from tests.unit.profile.world import World


@dataclass
class IdentifiedWorld(World):
    tool: Tool = field(default_factory=Tool)
    """That is told of all changes."""
    announced_up_to: int = 0
    """How many merges are announced."""
    undone: int = 0
    folded: list[int] = field(default_factory=list)
    """When lanes were folded."""

    def identify(self, event: Event) -> None:
        """The identity stage, perhaps once more: what it resolves goes onto the lanes."""
        identity_world.send(event)

    def announce(self) -> None:
        """The merges that were committed since the last time."""
        facts = self.plane.merges[self.announced_up_to :]
        if facts:
            merges.handle({"Records": [{"dynamodb": {"NewImage": fact}} for fact in facts]}, None)
        self.announced_up_to += len(facts)

    def settle(self) -> None:
        self.announce()
        super().settle()

    def deliver(self, lanes: Iterable[int], most: int, lives: int | None = None) -> bool:
        if not self.folded or self.folded[-1] != self.clock.ms:
            self.folded.append(self.clock.ms)
        return super().deliver(lanes, most, lives)

    def tell(self, most: int, lives: int | None = None) -> bool:
        batch = self.plane.changed[self.told_up_to : self.told_up_to + most]
        if not super().tell(most, lives):
            return False
        changes = Changes()
        for old, new in batch:
            if not links.is_link(new):
                changes.add(profiles.of_image(old) if old else None, profiles.of_image(new))
        self.tool.take(changes)
        return True

    def find(self, identifier: Identifier) -> str | None:
        return graph.find_profile(self.space, identifier.collection, identifier.type, identifier.value)

    def undo(self, profile: str, ends: frozenset[Identifier]) -> Unmerge | None:
        """The merge of the profile between these two; None: it is not listed. Raises what the Control API answers."""
        listed = [one for one in graph.merges(self.space, profile) if {one.identifier, one.via} == ends]
        return unmerging.undo(self.space, profile, listed[0].id, None, self.clock.ms) if listed else None

    def take_out(self, profile: str, leaving: list[Identifier]) -> Unmerge:
        self.undone += 1
        return unmerging.take_out(self.space, profile, leaving, f"key{self.undone}", self.clock.ms)
