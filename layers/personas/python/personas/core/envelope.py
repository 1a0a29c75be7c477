"""What travels on the profiles stream: one Kinesis record carries the envelopes of one lane, in order.

Every envelope names the space and the profile whose actor is to act on it. Kinds: `event`, `merge`, `absorb` (a partial
state to fold in), `link`, `tick`, `barrier` (to the lane, not to a profile).
"""

from dataclasses import dataclass
from typing import Any

from personas.core.event import Event
from personas.core.identifier import Identifier


@dataclass(frozen=True, slots=True)
class EventEnvelope:
    """An event, resolved to a user profile; for a group call also to the account that it names."""

    profile: str
    event: Event
    identifiers: tuple[Identifier, ...]
    """The identifiers of the event that lead to the profile: what was set aside or blocked is not among them."""
    account: str | None = None

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
        return data


@dataclass(frozen=True, slots=True)
class MergeEnvelope:
    """The profile lost a merge: it sends its state to `into` and forwards from then on."""

    space: str
    profile: str
    into: str
    merge: str
    """The id of the merge: the same however often it is announced."""
    at: int

    def to_data(self) -> dict[str, Any]:
        return {
            "k": "merge",
            "sp": self.space,
            "p": self.profile,
            "into": self.into,
            "m": self.merge,
            "at": self.at,
        }


@dataclass(frozen=True, slots=True)
class AbsorbEnvelope:
    """A partial state to fold in, once. `key` is the same however often it is sent; where `number` is given too
    (sending lane, sequence number there, place in the record), the receiver keeps a watermark per lane instead."""

    space: str
    profile: str
    key: str
    state: dict[str, Any]
    number: tuple[int, int, int] | None = None

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
        return data


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


ProfileEnvelope = EventEnvelope | MergeEnvelope | AbsorbEnvelope | LinkEnvelope | TickEnvelope
Envelope = ProfileEnvelope | BarrierEnvelope


def of_data(data: dict[str, Any]) -> Envelope:
    """Raises KeyError on a kind that this version does not know."""
    envelope: Envelope = _READERS[data["k"]](data)
    return envelope


def _event(data: dict[str, Any]) -> EventEnvelope:
    identifiers = tuple(Identifier.of_data(entry) for entry in data["i"])
    return EventEnvelope(data["p"], Event.of_data(data["e"]), identifiers, data.get("a"))


def _absorb(data: dict[str, Any]) -> AbsorbEnvelope:
    number = data.get("n")
    place = (number[0], int(number[1]), number[2]) if number else None
    return AbsorbEnvelope(data["sp"], data["p"], data["key"], data["s"], place)


_READERS: dict[str, Any] = {
    "event": _event,
    "merge": lambda data: MergeEnvelope(data["sp"], data["p"], data["into"], data["m"], data["at"]),
    "absorb": _absorb,
    "link": lambda data: LinkEnvelope(data["sp"], data["p"], data["o"], data["v"], data["a"]),
    "tick": lambda data: TickEnvelope(data["sp"], data["p"], data["h"]),
    "barrier": lambda data: BarrierEnvelope(data["sp"], data["v"]),
}
