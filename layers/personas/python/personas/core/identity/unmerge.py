"""An unmerge: one profile is made two again. What it decided, for all who have to act on it: graph, actors, rebuild.

The profile that stays keeps its id; the other one is restored under the id of its oldest part, which the merge had
taken from it, or made anew where only identifiers leave. Both are as if what was undone had not happened, and from then
on apart, so that the same bridge sets its lowest identifier aside instead of merging them again.

Invariant: what left a profile never comes back to it, nor to what that profile has become part of. A note of who left
can therefore stand for ever, and nobody who follows such notes goes in a circle. That is why both sides of an unmerge
also keep apart from all that the whole was apart from: from which of the two it had parted is not to be known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from personas.core.errors import TooLarge
from personas.core.identifier import Identifier
from personas.core.identity.cutting import Cut
from personas.core.identity.fact import Fact
from personas.core.identity.root import Root, by_receiver, receivers, united

MOST_LEFT = 10_000
"""Identifiers and profiles that may ever leave one profile: its root lists them, and an item has 400 KB."""


class TooManyLeft(TooLarge):
    """The profile has been taken apart so often that its root would not fit into an item."""


@dataclass(frozen=True, slots=True)
class Unmerge:
    id: str
    space: str
    profile: str
    """That stays."""
    other: str
    """That is restored, or made."""
    at: int
    """When, in ms."""
    epoch: int
    """Of the profile, from then on."""
    other_epoch: int
    merge: str | None
    """The id of the merge that was undone; None where identifiers were taken out."""
    identifiers: tuple[Identifier, ...]
    """That were asked to be taken out."""
    lineage: tuple[str, ...]
    """Profiles that were part of it before: their actors have handed over to its own before anything is divided."""
    leaving: tuple[str, ...]
    """Of these, the ones that are now the other, or part of it."""
    keys: tuple[str, ...]
    """Digests of the identifiers that went to the other."""
    staying: tuple[str, ...]
    """Digests of those that stayed."""
    elsewhere: tuple[str, ...]
    """Digests of those that had left before: their events are others'."""
    origins: tuple[str, ...]
    """Profiles under which events of either may lie."""
    passed: Mapping[str, str]
    """Identifiers and profiles that are met on the way to the other and are not its, and where they are (Root.left)."""
    request: str = ""
    """What was asked, and by which key: the same request again is answered, another one refused."""
    rebuilt: int | None = None
    """When both profiles had been given their share of the past, in ms; None: that is still to be done."""

    @property
    def sides(self) -> tuple[str, str]:
        return self.profile, self.other

    def takes(self, identifier: Identifier | None, profile: str) -> bool:
        """Whether what came by the identifier, or if by none then to the profile, went to the other."""
        return identifier.digest in self.keys if identifier else profile in self.leaving

    def to_data(self) -> dict[str, Any]:
        return {
            "epochs": [self.epoch, self.other_epoch],
            "merge": self.merge,
            "identifiers": [one.to_data() for one in self.identifiers],
            "lineage": self.lineage,
            "leaving": self.leaving,
            "keys": self.keys,
            "staying": self.staying,
            "elsewhere": self.elsewhere,
            "origins": self.origins,
            "passed": by_receiver(self.passed),
            "request": self.request,
        }

    @classmethod
    def of_data(cls, id: str, space: str, profile: str, other: str, at: int, data: Mapping[str, Any]) -> "Unmerge":
        return cls(
            id=id,
            space=space,
            profile=profile,
            other=other,
            at=at,
            epoch=data["epochs"][0],
            other_epoch=data["epochs"][1],
            merge=data["merge"],
            identifiers=tuple(Identifier.of_data(one) for one in data["identifiers"]),
            lineage=tuple(data["lineage"]),
            leaving=tuple(data["leaving"]),
            keys=tuple(data["keys"]),
            staying=tuple(data["staying"]),
            elsewhere=tuple(data["elsewhere"]),
            origins=tuple(data["origins"]),
            passed=receivers(data["passed"]),
            request=data["request"],
        )


@dataclass(frozen=True, slots=True)
class Divided:
    """The two roots as they become, and the record."""

    root: Root
    other: Root
    unmerge: Unmerge


def divide(
    unmerge_id: str,
    space: str,
    root: Root,
    roots: Mapping[str, Root],
    cut: Cut,
    new_id: str,
    now: int,
) -> Divided:
    """`roots`: that of each profile that merged into it; `new_id`: for the other, where none is restored.

    Raises TooManyLeft.
    """
    before = min((roots[profile] for profile in cut.profiles), key=lambda one: one.age, default=None)
    made = before or Root(new_id, created=min(fact.seen.created_at for fact in cut.leaving))
    family = (root.id, *root.merged)
    stayed = [profile for profile in family if profile not in cut.profiles]
    keys = [fact.identifier.digest for fact in cut.leaving]
    # What left the profile while the restored one was part of it is met there no more, but on the restored one.
    passed = {key: one for profile in stayed for key, one in {**roots, root.id: root}[profile].left.items()}
    # A profile may stay that had merged into one that leaves: the way from it still leads past there.
    behind = {one for profile in cut.profiles for one in roots[profile].merged if one in stayed}
    theirs = [fact.identifier.digest for fact in cut.staying if fact.profile in behind]
    passed |= dict.fromkeys([*behind, *theirs], root.id)
    other = replace(
        made,
        version=made.version + 1,
        claims=_claims(cut.leaving),
        merged=tuple(profile for profile in cut.profiles if profile != made.id),
        merged_into=None,
        epoch=made.epoch + 1,
        left={key: one for key, one in (passed | dict(made.left)).items() if key not in {*keys, *cut.profiles}},
        apart=united(made.apart, root.apart, (root.id,)),
        origins=united(made.origins, root.origins, [profile for profile in family if profile != made.id]),
    )
    after = replace(
        root,
        version=root.version + 1,
        claims=_claims(cut.staying),
        merged=tuple(profile for profile in root.merged if profile not in cut.profiles),
        epoch=root.epoch + 1,
        left={**root.left, **dict.fromkeys([*keys, *cut.profiles], other.id)},
        apart=united(root.apart, (other.id,)),
        origins=united(root.origins, root.merged, (other.id,)),
    )
    if len(after.left) > MOST_LEFT:
        raise TooManyLeft(f"more than {MOST_LEFT} identifiers would have left profile {root.id}")
    staying = [fact.identifier.digest for fact in cut.staying]
    gone = {key for one in (root, *roots.values()) for key in one.left}
    unmerge = Unmerge(
        id=unmerge_id,
        space=space,
        profile=root.id,
        other=other.id,
        at=now,
        epoch=after.epoch,
        other_epoch=other.epoch,
        merge=None,
        identifiers=(),
        lineage=root.merged,
        leaving=cut.profiles,
        keys=tuple(keys),
        staying=tuple(staying),
        elsewhere=tuple(sorted(gone.difference(keys, staying))),
        origins=united(family, root.origins),
        passed=other.left,
    )
    return Divided(after, other, unmerge)


def _claims(facts: Iterable[Fact]) -> dict[str, tuple[int, ...]]:
    claims: dict[str, tuple[int, ...]] = {}
    for fact in sorted(facts, key=lambda fact: fact.seen.created_at):
        claims[fact.seen.type] = (*claims.get(fact.seen.type, ()), fact.seen.created_at)
    return claims
