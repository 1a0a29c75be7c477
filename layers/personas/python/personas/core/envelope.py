"""What travels on the profiles stream: one Kinesis record carries the envelopes of one lane, in order.

Every envelope names the space and the profile whose actor is to act on it. Kinds: `event`, `merge`, `absorb` (a partial
state to fold in), `divide` and `revive` (a profile is made two), `tick`, `barrier` (to the lane, not to a profile).
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from personas.core.event import Event
from personas.core.identifier import Identifier


class EventEnvelope(NamedTuple):
    """An event, resolved to a user profile; for a group call also to the account that it names."""

    profile: str
    event: Event
    identifiers: tuple[Identifier, ...]
    """The identifiers of the event that lead to the profile: what was set aside or blocked is not among them."""
    account: str | None = None
    through: tuple[str, ...] = ()
    """Profiles that had merged into others, and sent it on, one after the other; and those (with a `!`) that sent it to
    one that had left them."""

    @property
    def space(self) -> str:
        return self.event.space

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "k": "event",
            "p": self.profile,
            "e": self.event.to_data(),
            "i": [identifier.to_data() for identifier in self.identifiers],
        }
        if self.account:
            data["a"] = self.account
        if self.through:
            data["th"] = self.through
        return data

    def sent_to(self, profile: str, through: tuple[str, ...]) -> "EventEnvelope":
        return self._replace(profile=profile, through=through)


@dataclass(frozen=True, slots=True)
class MergeEnvelope:
    """The profile lost a merge: it sends its state to `into` and forwards from then on."""

    space: str
    profile: str
    into: str
    merge: str
    """The id of the merge: the same however often it is announced."""
    at: int
    epoch: int = 0
    """How many unmerges the profile had taken part in when it lost: it tells of which of its lives this is the end."""

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "k": "merge",
            "sp": self.space,
            "p": self.profile,
            "into": self.into,
            "m": self.merge,
            "at": self.at,
        }
        if self.epoch:
            data["ep"] = self.epoch
        return data


@dataclass(frozen=True, slots=True)
class AbsorbEnvelope:
    """A partial state to fold in, once. `key` is the same however often it is sent; where `number` is given too
    (sending lane, sequence number there, place in the record), the receiver keeps a watermark per lane instead."""

    space: str
    profile: str
    key: str
    state: dict[str, Any]
    number: tuple[int, int, int] | None = None
    through: tuple[str, ...] = ()
    """Profiles that had merged into others, and sent it on, one after the other."""

    def to_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "k": "absorb",
            "sp": self.space,
            "p": self.profile,
            "key": self.key,
            "s": self.state,
        }
        if self.number:
            lane, sequence, place = self.number
            data["n"] = [lane, str(sequence), place]
        if self.through:
            data["th"] = self.through
        return data

    def sent_to(self, profile: str, through: tuple[str, ...]) -> "AbsorbEnvelope":
        """On the way through a tombstone its number no longer tells its order: the receiver is to go by the key."""
        return replace(self, profile=profile, number=None, through=through)


@dataclass(frozen=True, slots=True)
class LinkEnvelope:
    """What `other`, a profile that is linked with this one, answers at a version; the newest counts. No answers: it is
    not linked any more."""

    space: str
    profile: str
    other: str
    v: int
    answers: dict[str, bool] | None

    def to_data(self) -> dict[str, Any]:
        return {"k": "link", "sp": self.space, "p": self.profile, "o": self.other, "v": self.v, "a": self.answers}


@dataclass(frozen=True, slots=True)
class DivideEnvelope:
    """An unmerge took identifiers from the profile: it is to begin anew, and to say so to the one that got them."""

    space: str
    profile: str
    unmerge: str
    parted: str
    """The profile that the unmerge was about, wherever that has merged since."""
    epoch: int
    """Of that profile, from then on."""
    other: str
    other_epoch: int
    keys: tuple[str, ...]
    """Digests of the identifiers that left, and the profiles."""
    passed: dict[str, str]
    """Digests of identifiers, and profiles, that pass the other and are not its, and where they are."""
    lineage: tuple[str, ...]
    """Profiles whose states have to have come in before."""
    run: str
    """The run that counts again what both of them had."""
    version: int
    """Of the definitions that stand meanwhile: where others have come into force, this comes too late."""

    def to_data(self) -> dict[str, Any]:
        return {
            "k": "divide",
            "sp": self.space,
            "p": self.profile,
            "u": self.unmerge,
            "pd": self.parted,
            "ep": self.epoch,
            "o": self.other,
            "oep": self.other_epoch,
            "keys": self.keys,
            "pa": self.passed,
            "l": self.lineage,
            "run": self.run,
            "v": self.version,
        }


@dataclass(frozen=True, slots=True)
class ReviveEnvelope:
    """An unmerge gave identifiers to a profile, restored or new: it is to begin with its share of what another had."""

    space: str
    profile: str
    unmerge: str
    revived: str
    """The profile that the unmerge gave them to, wherever that has merged since."""
    epoch: int
    """Of that profile, from then on."""
    run: str
    version: int
    """Of the definitions with which the other had counted."""
    state: dict[str, Any]
    """What the two have in common."""
    ended: list[Any]
    """What is to be counted again."""
    passed: dict[str, str]
    """Digests of identifiers, and profiles, that pass it and are not its, and where they are."""

    def to_data(self) -> dict[str, Any]:
        return {
            "k": "revive",
            "sp": self.space,
            "p": self.profile,
            "u": self.unmerge,
            "rd": self.revived,
            "ep": self.epoch,
            "run": self.run,
            "v": self.version,
            "s": self.state,
            "e": self.ended,
            "pa": self.passed,
        }


@dataclass(frozen=True, slots=True)
class TickEnvelope:
    """Time has passed: what the profile holds may have expired by `hour`."""

    space: str
    profile: str
    hour: int

    def to_data(self) -> dict[str, Any]:
        return {"k": "tick", "sp": self.space, "p": self.profile, "h": self.hour}


@dataclass(frozen=True, slots=True)
class BarrierEnvelope:
    """From here on the lane computes the space's definitions at `version` (or a later one)."""

    space: str
    version: int

    def to_data(self) -> dict[str, Any]:
        return {"k": "barrier", "sp": self.space, "v": self.version}


ProfileEnvelope = (
    EventEnvelope | MergeEnvelope | AbsorbEnvelope | LinkEnvelope | DivideEnvelope | ReviveEnvelope | TickEnvelope
)
Envelope = ProfileEnvelope | BarrierEnvelope


def of_data(data: dict[str, Any]) -> Envelope:
    """Raises KeyError on a kind that this version does not know."""
    envelope: Envelope = _READERS[data["k"]](data)
    return envelope


def _event(data: dict[str, Any]) -> EventEnvelope:
    identifiers = tuple([Identifier.of_data(entry) for entry in data["i"]])
    return EventEnvelope(data["p"], Event.of_data(data["e"]), identifiers, data.get("a"), tuple(data.get("th", ())))


def _absorb(data: dict[str, Any]) -> AbsorbEnvelope:
    number = data.get("n")
    place = (number[0], int(number[1]), number[2]) if number else None
    return AbsorbEnvelope(data["sp"], data["p"], data["key"], data["s"], place, tuple(data.get("th", ())))


def _merge(data: dict[str, Any]) -> MergeEnvelope:
    return MergeEnvelope(data["sp"], data["p"], data["into"], data["m"], data["at"], data.get("ep", 0))


def _divide(data: dict[str, Any]) -> DivideEnvelope:
    return DivideEnvelope(
        data["sp"],
        data["p"],
        data["u"],
        data["pd"],
        data["ep"],
        data["o"],
        data["oep"],
        tuple(data["keys"]),
        data["pa"],
        tuple(data["l"]),
        data["run"],
        data["v"],
    )


def _revive(data: dict[str, Any]) -> ReviveEnvelope:
    return ReviveEnvelope(*(data[key] for key in ("sp", "p", "u", "rd", "ep", "run", "v", "s", "e", "pa")))


_READERS: dict[str, Any] = {
    "event": _event,
    "merge": _merge,
    "absorb": _absorb,
    "link": lambda data: LinkEnvelope(data["sp"], data["p"], data["o"], data["v"], data["a"]),
    "divide": _divide,
    "revive": _revive,
    "tick": lambda data: TickEnvelope(data["sp"], data["p"], data["h"]),
    "barrier": lambda data: BarrierEnvelope(data["sp"], data["v"]),
}
