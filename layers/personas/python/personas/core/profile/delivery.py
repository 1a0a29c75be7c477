"""What an actor is given, and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from personas.core.compute.cold import ColdPart, Ref
from personas.core.compute.definition_set import DefinitionSet
from personas.core.dead_letter import DeadLetter
from personas.core.envelope import Envelope, ProfileEnvelope
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.profile.links import Link
from personas.core.profile.memory import Entries, Spill
from personas.core.profile.profile import Profile
from personas.core.profile.state import State
from personas.core.profile.stretch import Place

Number = tuple[int, int, int]
"""Lane, sequence number of the record, place in the record: where an envelope stood on the profiles stream."""

PagesOf = tuple[str, int]
"""Profile, hour of receipt: the pages in which its events of that hour lie."""


class Delivery(NamedTuple):
    """An envelope for one profile, and where it stood."""

    number: Number
    envelope: ProfileEnvelope
    version: int
    """The version of the space's definitions that is in force at this place of the lane."""

    @property
    def sequence(self) -> int:
        return self.number[1]

    @property
    def place(self) -> Place:
        return self.number[1:]


@dataclass(frozen=True, slots=True)
class Emission:
    """An envelope to be sent, numbered by the delivery that caused it."""

    number: Number
    envelope: Envelope


class Accepted(NamedTuple):
    """An event that the profile folded, for the archive and the pages."""

    number: Number
    profile: str
    event: Event
    fingerprint: bytes
    """The event's own, kept because it costs more than all else about a row."""
    account: str | None
    identifiers: tuple[Identifier, ...] = ()
    """Those of the event that led to the profile. They tell whose the event is once a profile is taken apart."""
    version: int = 0
    """The version of the space's definitions with which it was folded: later aggregates have not counted it."""
    taken_back: bool = False
    """The row undoes one of two: two profiles had folded the event before they became one (a correction of the
    ledger, for who adds up what profiles counted; the event itself is no other)."""

    @property
    def paged(self) -> "Paged":
        return Paged(self.event, self.identifiers)


class Paged(NamedTuple):
    """An event as the pages keep it."""

    event: Event
    identifiers: tuple[Identifier, ...] = ()
    """That led to the profile, the highest first."""

    def to_data(self) -> dict[str, Any]:
        return {**self.event.to_data(), "ids": [one.to_data() for one in self.identifiers]}

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Paged":
        return cls(Event.of_data(data), tuple(Identifier.of_data(one) for one in data.get("ids", ())))


def led_by(row: Accepted | Paged) -> Identifier | None:
    """The identifier that decides whose it is."""
    return next((one for one in row.identifiers if one.collection == "users"), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    profile: Profile | None
    """To be written; None where the stored one stands."""
    state: State | None
    """To be written; None where nothing changed."""
    accepted: tuple[Accepted, ...]
    """For the archive."""
    emissions: tuple[Emission, ...]
    due: int | None
    """The hour under which the profile is to be put into the due log."""
    spill: tuple[Spill, Entries] | None
    """Entries of its memory to be written before the state."""
    dead: tuple[DeadLetter, ...]
    links: Mapping[str, Link] = field(default_factory=dict)
    """Of an account, by user: to be written before the state."""
    doomed: tuple[Ref, ...] = ()
    """Cold parts that the state before did not list any more: to be deleted."""

    @property
    def events(self) -> tuple[Accepted, ...]:
        """What it folded, without what it took back."""
        return tuple(row for row in self.accepted if not row.taken_back)


@dataclass(frozen=True, slots=True)
class Recall:
    """What an actor lacks for an answer: to be read, and the actor to be asked again with it."""

    pages: frozenset[PagesOf] = frozenset()
    spills: frozenset[Spill] = frozenset()
    versions: frozenset[int] = frozenset()
    """Versions of the space's definitions."""
    links: frozenset[str] = frozenset()
    """Users of the account."""
    cold: frozenset[Ref] = frozenset()
    """Cold parts of what is to be absorbed."""


@dataclass(slots=True)
class Recalled:
    """What was read for an actor: definitions always, the rest only on demand."""

    definitions: dict[int, DefinitionSet]
    events: dict[bytes, Paged] = field(default_factory=dict)
    pages: set[PagesOf] = field(default_factory=set)
    spills: dict[Spill, Entries] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    cold: dict[Ref, ColdPart] = field(default_factory=dict)
