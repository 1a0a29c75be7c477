"""A part is what one profile hands to another to take in: all that a merged profile had, or what a group call says
about its account. It travels as the state of an AbsorbEnvelope.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from personas.core.envelope import EventEnvelope
from personas.core.event import Event
from personas.core.moments import HOUR
from personas.core.profile import custom
from personas.core.profile.custom import CustomTraits, Stamp, set_traits
from personas.core.profile.memory import Memory
from personas.core.profile.parted import Awaited
from personas.core.profile.profile import Computed, Merged, Profile, Seen, computed_data, computed_of_data
from personas.core.profile.state import State
from personas.core.profile.stretch import Stretch

TOLD_WITHIN = 72 * HOUR
"""For so long a change may wait for its tool (core/activation/backoff.py)."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An event that the receiver has been given twice, to be counted once less."""

    version: int
    """Only aggregates of this version of the definitions counted it twice."""
    event: Event


@dataclass(frozen=True, slots=True)
class Part:
    custom: CustomTraits = field(default_factory=dict)
    identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    first: Seen | None = None
    last: Seen | None = None
    events: int = 0
    compute: dict[str, Any] = field(default_factory=dict)
    """Aggregates, as ComputeState gives them."""
    memory: dict[str, Any] = field(default_factory=dict)
    members: Mapping[str, Computed] = field(default_factory=dict)
    """The memberships that were announced: where one ends with the merge, its exit is due; and so is that of one which
    ended before, as what still waited to be told of a merged profile is told by its survivor."""
    lineage: tuple[Stretch, ...] = ()
    """What was folded of which this is made; the pages of these profiles hold the events that the memory knows."""
    taken_back: tuple[TakenBack, ...] = ()
    merged: Mapping[str, Merged] = field(default_factory=dict)
    """The users that this is made of and that had accounts (see Profile)."""
    awaited: Mapping[str, Awaited] = field(default_factory=dict)
    """What a rebuild is still to add: whoever takes this in waits for it."""

    @classmethod
    def of_merged(cls, profile: Profile, state: State, own: Stretch, told: tuple[str, ...], at: int) -> "Part":
        """All that a profile has, when it merges into another (at, in ms). `own`: what it folded by itself; `told`: the
        accounts that know it."""
        return replace(
            cls.of_living(profile),
            events=state.events,
            compute=state.compute.to_data(),
            memory={key: entry for key, entry in state.memory.to_data().items() if key != "n"},
            members={
                key: entry
                for key, entry in profile.computed.items()
                if entry.kind == "audience" and (entry.value is True or entry.since >= at - TOLD_WITHIN)
            },
            lineage=(*state.lineage, own),
            merged={**profile.merged, **({profile.id: (profile.epoch, told)} if told else {})},
            awaited=state.parted.awaited,
        )

    @classmethod
    def of_living(cls, profile: Profile) -> "Part":
        """What a profile is made of beside its aggregates."""
        return cls(
            custom=dict(profile.custom),
            identifiers=profile.identifiers,
            accounts=profile.accounts,
            first=profile.first,
            last=profile.last,
            members=profile.computed,
            merged=profile.merged,
        )

    @classmethod
    def of_group_call(cls, envelope: EventEnvelope) -> "Part":
        """What a group call says about its account: its traits, and that it exists."""
        event = envelope.event
        traits: CustomTraits = {}
        set_traits(traits, event.traits, Stamp.of(event))
        seen = Seen(event.received, event.message_id, event.source)
        identifiers = {entry.type: (entry.value,) for entry in envelope.identifiers if entry.collection == "accounts"}
        return cls(custom=traits, identifiers=identifiers, first=seen, last=seen)

    def remembered(self) -> Memory:
        return Memory.of_data(self.memory)

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return bool(
            self.custom
            or self.identifiers
            or self.accounts
            or self.first
            or self.compute
            or self.memory
            or self.taken_back
        )

    def to_data(self) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "t": custom.to_data(self.custom) if self.custom else None,
            "i": dict(self.identifiers),
            "a": list(self.accounts),
            "f": self.first.to_data() if self.first else None,
            "la": self.last.to_data() if self.last else None,
            "n": self.events,
            "c": self.compute,
            "m": self.memory,
            "h": computed_data(self.members),
            "l": [stretch.to_data() for stretch in self.lineage],
            "g": dict(self.merged),
            "b": [[back.version, back.event.to_data()] for back in self.taken_back],
            "w": {key: awaited.to_data() for key, awaited in self.awaited.items()},
        }
        return {key: part for key, part in parts.items() if part}

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> "Part":
        return cls(
            custom=custom.of_data(data["t"]) if "t" in data else {},
            identifiers={kind: tuple(values) for kind, values in data.get("i", {}).items()},
            accounts=tuple(data.get("a", ())),
            first=Seen(*data["f"]) if "f" in data else None,
            last=Seen(*data["la"]) if "la" in data else None,
            events=data.get("n", 0),
            compute=data.get("c", {}),
            memory=data.get("m", {}),
            members=computed_of_data(data.get("h", ())),
            lineage=tuple(map(Stretch.of_data, data.get("l", ()))),
            merged={user: (epoch, tuple(accounts)) for user, (epoch, accounts) in data.get("g", {}).items()},
            taken_back=tuple(TakenBack(version, Event.of_data(event)) for version, event in data.get("b", ())),
            awaited={key: Awaited.of_data(entry) for key, entry in data.get("w", {}).items()},
        )
