"""A profile as it is stored and shown: custom traits, computed values and memberships, identifiers, accounts.

Invariant: a tombstone (`merged_into` is set) holds nothing else: its values live on in the profile that it names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from personas.core.profile import custom
from personas.core.profile.custom import Stamped

ACCOUNT_PREFIX = "acc_"
"""Ids of account profiles begin so (core/identity)."""


def collection_of(profile_id: str) -> str:
    return "accounts" if profile_id.startswith(ACCOUNT_PREFIX) else "users"


@dataclass(frozen=True, slots=True)
class Trait:
    value: Any
    at: int
    """Ms: the event's time for a custom trait, the moment of the change for a computed one."""
    kind: str
    """Segment's class: `custom`, `computed_trait`, `sql_trait` or `audience`."""
    source: str | None
    capped: bool = False
    """Of a computed one: see Computed."""


class Computed(NamedTuple):
    """A computed trait's value, or a membership: True for a member, False for who was one."""

    key: str
    definition: str
    kind: str
    """`audience` or `computed_trait`."""
    version: int
    value: Any
    since: int
    """Ms: when the value became this one."""
    capped: bool = False
    """It was computed without some distinct values or events, because there are more than are kept (docs/query.md)."""


def computed_data(computed: Mapping[str, Computed]) -> list[tuple[Any, ...]]:
    """As plain tuples, which JSON knows."""
    return [entry[:] for entry in computed.values()]


def computed_of_data(data: Iterable[Sequence[Any]]) -> dict[str, Computed]:
    """By key, of what `computed_data` gives; the fields are as many as it wrote."""
    return {entry[0]: entry for entry in map(_COMPUTED, data)}


_COMPUTED: Callable[[Sequence[Any]], Computed] = partial(tuple.__new__, Computed)


class Seen(NamedTuple):
    """One event of the profile, such as its first or last by time of receipt."""

    at: int
    message_id: str
    source: str

    def to_data(self) -> list[Any]:
        return list(self)


Merged = tuple[int, tuple[str, ...]]
"""The epoch in which a user became part of another, and the accounts that it had."""


@dataclass(frozen=True, slots=True)
class Profile:
    space: str
    id: str
    v: int = 0
    """Grows with every write of the item: of two images of a profile the one with the greater v is the newer."""
    sequence: int = -1
    """The sequence number on the profiles stream up to which it was computed."""
    custom: Mapping[str, Stamped] = field(default_factory=dict)
    computed: Mapping[str, Computed] = field(default_factory=dict)
    identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Type to values, as folded events carried them: enough to deliver by; the identity table has their history."""
    accounts: tuple[str, ...] = ()
    first: Seen | None = None
    last: Seen | None = None
    events: int = 0
    """How many events it was made of: each counted once, wherever it was folded first."""
    merged_into: str | None = None
    epoch: int = 0
    """How often it began anew, because it was taken apart or restored."""
    answers: Mapping[str, bool] = field(default_factory=dict)
    """What it answers to the questions of those that it is linked with (core/compute/questions.py)."""
    merged: Mapping[str, Merged] = field(default_factory=dict)
    """The users that became part of it and had accounts: for these accounts they are this one from now on."""

    @property
    def collection(self) -> str:
        return collection_of(self.id)

    @property
    def created(self) -> int | None:
        """Ms: when its first event was received."""
        return self.first.at if self.first else None

    @property
    def updated(self) -> int | None:
        """Ms: when its last event was received."""
        return self.last.at if self.last else None

    def computing(self, computed: Mapping[str, Computed], answers: Mapping[str, bool]) -> "Profile":
        """The same with these values."""
        return self._with(self.v, self.sequence, computed, answers)

    def written(self, v: int, sequence: int) -> "Profile":
        """The same as the next version of its item."""
        return self._with(v, sequence, self.computed, self.answers)

    def _with(self, v: int, sequence: int, computed: Mapping[str, Computed], answers: Mapping[str, bool]) -> "Profile":
        """As `replace` does it, in a third of the time."""
        return Profile(
            self.space,
            self.id,
            v,
            sequence,
            self.custom,
            computed,
            self.identifiers,
            self.accounts,
            self.first,
            self.last,
            self.events,
            self.merged_into,
            self.epoch,
            answers,
            self.merged,
        )

    @property
    def held(self) -> frozenset[str]:
        """The types of its identifiers."""
        return frozenset(self.identifiers)

    def values(self) -> dict[str, Any]:
        """Custom traits that are set: what definitions refer to by `trait('key')` beside each other's values."""
        return {key: held.value for key, held in self.custom.items() if held.value is not None}

    def traits(self) -> dict[str, Trait]:
        """Everything that is set on the profile; a computed value hides a custom one of the same key."""
        found = {
            key: Trait(held.value, held.stamp.at, "custom", held.stamp.source)
            for key, held in self.custom.items()
            if held.value is not None
        }
        for key, entry in self.computed.items():
            found[key] = Trait(entry.value, entry.since, entry.kind, None, entry.capped)
        return found

    def to_data(self) -> dict[str, Any]:
        """What lies in the item's `data`; key, v and sequence are attributes of their own."""
        data: dict[str, Any] = {}
        if self.custom:
            data["t"] = custom.to_data(self.custom)
        if self.computed:
            data["c"] = computed_data(self.computed)
        if self.identifiers:
            data["i"] = dict(self.identifiers)
        if self.accounts:
            data["a"] = list(self.accounts)
        if self.first and self.last:
            data["f"], data["l"] = self.first.to_data(), self.last.to_data()
        if self.events:
            data["n"] = self.events
        if self.merged_into:
            data["into"] = self.merged_into
        if self.epoch:
            data["ep"] = self.epoch
        if self.answers:
            data["q"] = {question: int(yes) for question, yes in self.answers.items()}
        if self.merged:
            data["m"] = self.merged
        return data

    @classmethod
    def of_data(cls, space: str, profile_id: str, v: int, sequence: int, data: Mapping[str, Any]) -> "Profile":
        return cls(
            space=space,
            id=profile_id,
            v=v,
            sequence=sequence,
            custom=custom.of_data(data["t"]) if "t" in data else {},
            computed=computed_of_data(data.get("c", ())),
            identifiers={kind: tuple(values) for kind, values in data["i"].items()} if "i" in data else {},
            accounts=tuple(data.get("a", ())),
            first=Seen(*data["f"]) if "f" in data else None,
            last=Seen(*data["l"]) if "l" in data else None,
            events=data.get("n", 0),
            merged_into=data.get("into"),
            epoch=data.get("ep", 0),
            answers={question: bool(yes) for question, yes in data["q"].items()} if "q" in data else {},
            merged={user: (epoch, tuple(told)) for user, (epoch, told) in data["m"].items()} if "m" in data else {},
        )
