"""What changed between the images of a profile: values to tell, and memberships for the index.

Invariant: a tombstone never tells anything; an exit is told only of an audience whose stored membership is False, which
the profile stores only where it, or one that it absorbed, was a member (see `core/profile/profile.py`).
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from personas.core.activation.change import AUDIENCE, Change, Computation
from personas.core.profile.profile import Computed, Profile
from personas.core.values import same

Only = tuple[tuple[str, str], ...] | None


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether a profile is in an audience from a profile version on, or in the list of those of whose value of a
    definition something was cut (`capped_by`)."""

    space: str
    audience: str
    profile: str
    version: int
    member: bool
    since: int


@dataclass(slots=True)
class Changes:
    """The changes of a batch of images; of several images of one profile, given in order, the last value stands."""

    told: dict[tuple[str, str, str], Change] = field(default_factory=dict)
    memberships: dict[tuple[str, str, str], Membership] = field(default_factory=dict)
    gone: dict[tuple[str, str], Profile] = field(default_factory=dict)
    """Profiles that lost a merge: what is still to be told of them is told by their survivor."""
    erased: set[str] = field(default_factory=set)
    """Spaces in which a profile was erased: by itself, or with its whole space."""

    def add(self, old: Profile | None, new: Profile | None) -> None:
        """The images before and after one write; no image after it: the profile was erased, which is told elsewhere."""
        for membership in _memberships(old, new):
            self.memberships[membership.space, membership.audience, membership.profile] = membership
        if new is None:
            self.erased |= {old.space} if old else set()
            return
        if new.merged_into:
            if old is None or not old.merged_into:
                self.gone[new.space, new.id] = new
            self.told = {key: change for key, change in self.told.items() if key[:2] != (new.space, new.id)}
            return
        for change in diff(old, new):
            key = (change.space, change.profile, change.computation.id)
            older = self.told.get(key)
            self.told[key] = change.over(older) if older else change

    def drop(self, spaces: Set[str]) -> None:
        """Of spaces that are gone nobody is to hear, and nothing is to be noted."""
        self.told = {key: change for key, change in self.told.items() if key[0] not in spaces}
        self.memberships = {key: entry for key, entry in self.memberships.items() if key[0] not in spaces}
        self.gone = {key: profile for key, profile in self.gone.items() if key[0] not in spaces}

    @property
    def spaces(self) -> list[str]:
        """The spaces in which somebody may have to be told something."""
        return sorted({key[0] for key in [*self.told, *self.gone]})

    def of_space(self, space: str) -> list[Change]:
        return [change for change in self.told.values() if change.space == space]

    def gone_of(self, space: str) -> list[tuple[str, int]]:
        """Tombstones of the space, each with its version."""
        return [(profile.id, profile.v) for profile in self.gone.values() if profile.space == space]


def diff(old: Profile | None, new: Profile) -> list[Change]:
    """What is to be told after a write that left the profile alive."""
    before: Mapping[str, Computed] = old.computed if old else {}
    gained = _gained(old, new)
    changes = []
    for after in new.computed.values():
        earlier = before.get(after.key)
        if not _same(earlier, after):
            # Who never heard of the membership needs no exit: it is due to those who came with the absorbed profile.
            # Of one that was taken apart all may have heard of it, as part of the whole.
            inherited = after.kind == AUDIENCE and after.value is False and earlier is None and not new.epoch
            only = (gained or None) if inherited else None
            changes.append(_change(new, earlier, after, after.value, after.since, only))
        elif gained and not (after.kind == AUDIENCE and after.value is False):
            changes.append(_change(new, earlier, after, after.value, after.since, gained))
    for key in before.keys() - new.computed.keys():
        # An audience leaves a profile only when it is deleted, and a deleted trait goes on as a custom one: no news.
        if before[key].kind != AUDIENCE and key not in new.custom:
            changes.append(_change(new, before[key], before[key], None, new.updated or before[key].since, None))
    return changes


def _change(profile: Profile, earlier: Computed | None, computed: Computed, value: Any, at: int, only: Only) -> Change:
    before = earlier.value if earlier and earlier.definition == computed.definition else None
    computation = Computation(computed.definition, computed.key, computed.kind)
    return Change(
        space=profile.space,
        profile=profile.id,
        computation=computation,
        version=profile.v,
        value=value,
        at=at,
        identifiers=profile.identifiers,
        collection=profile.collection,
        only=only,
        before=before,
        definition_version=computed.version,
    )


def _same(before: Computed | None, after: Computed) -> bool:
    """A membership that ended anew (an absorbed profile was still in) is news, though False was False before."""
    if before is None or before.definition != after.definition:
        return False
    if not same(before.value, after.value):
        return False
    return not (after.kind == AUDIENCE and after.value is False and before.since != after.since)


def _gained(old: Profile | None, new: Profile) -> tuple[tuple[str, str], ...]:
    if old is None:
        return ()
    return tuple(sorted(set(_pairs(new.identifiers)) - set(_pairs(old.identifiers))))


def _pairs(identifiers: Mapping[str, tuple[str, ...]]) -> Iterable[tuple[str, str]]:
    return ((type_, value) for type_, values in identifiers.items() for value in values)


def capped_by(definition: str) -> str:
    """The id of the list of profiles of whose value of the definition something was cut (docs/query.md, Limits)."""
    return f"{definition}#capped"


def _memberships(old: Profile | None, new: Profile | None) -> Iterable[Membership]:
    """What the member index has to learn: also that a tombstone, or a deleted audience, has no members."""
    before, after = _lists(old), _lists(new)
    for name in before.keys() | after.keys():
        (was, _), (member, since) = before.get(name, (False, None)), after.get(name, (False, None))
        if member == was:
            continue
        if new is not None:
            yield Membership(new.space, name, new.id, new.v, member, since if since is not None else new.updated or 0)
        elif old is not None:
            yield Membership(old.space, name, old.id, old.v + 1, member, old.updated or 0)


def _lists(profile: Profile | None) -> dict[str, tuple[bool, int]]:
    """By id, whether the profile is in an audience or in another list, and since when."""
    entries = profile.computed.values() if profile else ()
    found = {entry.definition: (entry.value is True, entry.since) for entry in entries if entry.kind == AUDIENCE}
    return found | {capped_by(entry.definition): (True, entry.since) for entry in entries if entry.capped}
