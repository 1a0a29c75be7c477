"""A tool that is told of audiences, and believes it: by identifiers, which are all that it knows people by."""

from dataclasses import dataclass, field

from personas.core.activation.change import AUDIENCE
from personas.core.activation.changes import Changes
from personas.core.profile.profile import Profile

Person = tuple[str, str, str]
"""Collection, and the type and value of an identifier."""


@dataclass
class Tool:
    members: dict[tuple[Person, str], bool] = field(default_factory=dict)
    """Whether somebody is in an audience (its id), by all that it was told."""
    entered: set[tuple[str, str]] = field(default_factory=set)
    """Profile and audience: the last that was told of them to everybody is that it entered."""
    index: dict[str, set[str]] = field(default_factory=dict)
    """Members of each audience, as the member index lists them."""

    def take(self, changes: Changes) -> None:
        for profile in changes.gone.values():
            self.entered = {entry for entry in self.entered if entry[0] != profile.id}
        for membership in changes.memberships.values():
            listed = self.index.setdefault(membership.audience, set())
            (listed.add if membership.member else listed.discard)(membership.profile)
        for change in changes.told.values():
            if change.computation.kind != AUDIENCE:
                continue
            for person in change.only or _people(change.identifiers):
                self.members[(change.collection, *person), change.computation.id] = change.value is True
            entry = (change.profile, change.computation.id)
            if change.value is not True:
                self.entered.discard(entry)
            elif change.only is None:
                assert entry not in self.entered, f"{entry} entered twice"
                self.entered.add(entry)

    def forget(self, audience: str) -> None:
        """It is computed no more, of which no tool is told."""
        self.entered = {entry for entry in self.entered if entry[1] != audience}
        self.members = {key: member for key, member in self.members.items() if key[1] != audience}

    def agrees(self, profile: Profile) -> None:
        """With what a living profile stores."""
        for key, entry in profile.computed.items():
            if entry.kind != AUDIENCE:
                continue
            assert (profile.id in self.index.get(entry.definition, ())) is entry.value, key
            for person in _people(profile.identifiers):
                told = self.members.get(((profile.collection, *person), entry.definition), False)
                assert told is entry.value, (person, key)


def _people(identifiers: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(kind, value) for kind, values in identifiers.items() for value in values]
