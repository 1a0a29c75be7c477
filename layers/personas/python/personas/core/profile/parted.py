"""What the actor of a profile knows of unmerges: who left and to whom, and what it still waits for.

Where a profile is made two, both begin anew: nothing that was counted before can be told apart, so a **rebuild** counts
it again from the archive and gives each its share. Until then a profile shows what it showed before, and what it folds
meanwhile is kept beside that.

Invariant: each row of the archive that a profile's aggregates lack is in one stretch that it awaits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from personas.core.envelope import AbsorbEnvelope, DivideEnvelope, EventEnvelope, MergeEnvelope, of_data
from personas.core.identifier import Identifier
from personas.core.profile.stretch import BEGINNING, Place, Stretch

Sent = TypeVar("Sent", EventEnvelope, AbsorbEnvelope)


@dataclass(frozen=True, slots=True)
class Ended:
    """What was counted until a profile began anew, and the accounts that had been given it."""

    stretches: tuple[Stretch, ...]
    accounts: tuple[str, ...]

    def to_data(self) -> list[Any]:
        return [[stretch.to_data() for stretch in self.stretches], list(self.accounts)]

    @classmethod
    def of_data(cls, data: list[Any]) -> "Ended":
        stretches, accounts = data
        return cls(tuple(map(Stretch.of_data, stretches)), tuple(accounts))


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a rebuild is to give back to a profile."""

    run: str
    """The run that asked for it: another one may only ask for more once this has come."""
    version: int
    """Of the definitions with which it had been counted."""
    ended: tuple[Ended, ...]

    def to_data(self) -> list[Any]:
        return [self.run, self.version, [one.to_data() for one in self.ended]]

    @classmethod
    def of_data(cls, data: list[Any]) -> "Awaited":
        run, version, ended = data
        return cls(run, version, tuple(map(Ended.of_data, ended)))


@dataclass(slots=True)
class Parted:
    """Mutable."""

    epoch: int = 0
    """How many unmerges its actor knows of (Root.epoch is how many there were)."""
    since: Place = BEGINNING
    """Where what it folds by itself began (anew)."""
    left: dict[str, str] = field(default_factory=dict)
    """Digests of identifiers and profiles that left, and to whom."""
    awaited: dict[str, Awaited] = field(default_factory=dict)
    """By the key of the part that is to come."""
    divides: list[DivideEnvelope] = field(default_factory=list)
    """That cannot be followed yet: not all that belongs to the profile has come in."""
    merges: list[MergeEnvelope] = field(default_factory=list)
    """That it lost after an unmerge of which it does not know yet."""

    def sent_on(self, envelope: EventEnvelope) -> EventEnvelope | None:
        """To whom what came by these identifiers belongs now: the first, which ranks highest, decides. Where that came
        after the unmerge, so that it is not known to have left, it tells through whom it came."""
        if not self.left and not envelope.through:
            return None
        receiver = self.left.get(envelope.identifiers[0].digest) if self.left and envelope.identifiers else None
        if receiver and _been_at(envelope.profile) not in envelope.through:
            return envelope.sent_to(receiver, (_been_at(envelope.profile),))
        return self.sent_back(envelope)

    def sent_back(self, envelope: Sent) -> Sent | None:
        """What came through one that has left since goes to where that is now. Where it comes again, because that one
        has become part of another which this profile does not know to have left, it stays: whoever counts again after
        the next unmerge gives it to whom it belongs. So nothing is sent round in circles."""
        been_at = _been_at(envelope.profile)
        way = self._way_back(envelope.through, been_at in envelope.through)
        return _sent_to(envelope, *way, been_at)

    def _way_back(self, through: tuple[str, ...], again: bool) -> tuple[str | None, tuple[str, ...]]:
        """The last of them that left decides: who has it, and through whom it came there."""
        for place in reversed(range(len(through))):
            receiver = self.left.get(through[place])
            if receiver or again:
                return receiver, through[:place]
        return None, ()

    def staying(self, identifiers: Sequence[Identifier]) -> Iterator[Identifier]:
        return (one for one in identifiers if one.digest not in self.left) if self.left else iter(identifiers)

    def waits_for_others(self, run: str) -> bool:
        return any(awaited.run != run for awaited in self.awaited.values())

    def lacking(self) -> set[Stretch]:
        return {one for awaited in self.awaited.values() for ended in awaited.ended for one in ended.stretches}

    def __bool__(self) -> bool:
        return bool(self.epoch or self.left or self.awaited or self.divides or self.merges or self.since != BEGINNING)

    def to_data(self) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "e": self.epoch,
            "s": [str(self.since[0]), self.since[1]] if self.since != BEGINNING else None,
            "l": self.left,
            "a": {key: awaited.to_data() for key, awaited in self.awaited.items()},
            "d": [one.to_data() for one in self.divides],
            "m": [one.to_data() for one in self.merges],
        }
        return {key: part for key, part in parts.items() if part}

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> "Parted":
        parted = cls(epoch=data.get("e", 0), left=dict(data.get("l", {})))
        if "s" in data:
            parted.since = int(data["s"][0]), data["s"][1]
        parted.awaited = {key: Awaited.of_data(entry) for key, entry in data.get("a", {}).items()}
        for kept in (*data.get("d", ()), *data.get("m", ())):
            envelope = of_data(kept)
            if isinstance(envelope, DivideEnvelope):
                parted.divides.append(envelope)
            elif isinstance(envelope, MergeEnvelope):
                parted.merges.append(envelope)
        return parted


def _been_at(profile: str) -> str:
    """That it sent something on to one that had left. No profile is called so."""
    return f"!{profile}"


def _sent_to(envelope: Sent, receiver: str | None, passed: tuple[str, ...], been_at: str) -> Sent | None:
    return envelope.sent_to(receiver, (*passed, been_at)) if receiver else None
