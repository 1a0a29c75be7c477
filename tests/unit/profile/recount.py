"""What a space must show, counted again from nothing but the list of calls, who is who, and what is in force.

An event belongs to whoever has its highest-ranking identifier, and a group call makes that one a user of the account
that it names (docs/identity.md). What definitions say of that, the oracle of the query language says.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.identity.extraction import Extracted, extract
from personas.core.identity.rules import Rules
from personas.core.query.definition import Definition
from tests.unit.compute.oracle import Oracle
from tests.unit.identity.naive_identity import Person, World

RULES = Rules.default()


@dataclass(frozen=True, slots=True)
class Call:
    event: Event
    found: Extracted
    kept: tuple[Identifier, ...]
    """Identifiers of users that were not set aside."""


@dataclass
class History:
    """Every call that was ever made, and who is who by now."""

    calls: dict[str, Call] = field(default_factory=dict)
    people: World = field(default_factory=World)
    accounts: World = field(default_factory=World)

    def add(self, event: Event) -> None:
        """Resolved, perhaps again: it counts once, but may yet bring people together."""
        found = extract(RULES, event)
        _, kept = self.people.add(RULES, found.users, event.received)
        if found.accounts:
            self.accounts.add(RULES, found.accounts, event.received)
        self.calls.setdefault(event.message_id, Call(event, found, tuple(kept)))

    def of(self, person: Person) -> list[Call]:
        return [call for call in self.calls.values() if call.found.users[0] in person.gained]

    def to(self, account: Person) -> list[Call]:
        """The group calls that name it."""
        named = [call for call in self.calls.values() if call.found.accounts]
        return [call for call in named if call.found.accounts[0] in account.gained]

    def users(self, account: Person) -> list[Person]:
        calls = self.to(account)
        return [one for one in self.people.people if any(call.found.users[0] in one.gained for call in calls)]

    def events(self, account: Person) -> list[Event]:
        """Of all of its users, also those from before they joined."""
        return [call.event for one in self.users(account) for call in self.of(one)]


class Recount:
    """Of a moment. `kept`: traits of deleted definitions that somebody still has."""

    def __init__(
        self, history: History, live: Iterable[Definition], at: int, kept: Mapping[Person, Mapping[str, Any]]
    ) -> None:
        self.history, self.at, self.kept = history, at, kept
        self.definitions: dict[str, list[Definition]] = {"users": [], "accounts": []}
        for definition in live:
            self.definitions[definition.collection].append(definition)
        self.audiences = {one.key: one for one in self.definitions["accounts"] if one.kind == "audience"}
        self._oracles: dict[Person, Oracle] = {}

    def custom(self, one: Person, calls: list[Call]) -> dict[str, Any]:
        """The newest of each by event time; of one moment, what was received last."""
        said = sorted((call.event for call in calls), key=lambda event: (event.at, event.received, event.fingerprint))
        traits: dict[str, Any] = {}
        for event in said:
            traits |= event.traits
        return {**self.kept.get(one, {}), **{key: value for key, value in traits.items() if value is not None}}

    def user(self, person: Person) -> Oracle:
        if person not in self._oracles:
            calls = self.history.of(person)
            custom = self.custom(person, [call for call in calls if call.event.type == "identify"])
            # Also of what came by events that are another's, as these went with a higher-ranking identifier.
            told = (one for call in self.history.calls.values() for one in call.kept)
            held = {one.type for one in told if one in person.gained}
            traits = _Traits(self, person, custom)
            events = [call.event for call in calls]
            self._oracles[person] = Oracle(self.definitions["users"], events, traits, held, self.at)
        return self._oracles[person]

    def account(self, account: Person) -> Oracle:
        if account not in self._oracles:
            users = [self.user(one) for one in self.history.users(account)]
            custom = self.custom(account, self.history.to(account))
            definitions = self.definitions["accounts"]
            anyone = {kind for one in definitions for kind in one.options.external_ids}
            events = self.history.events(account)
            self._oracles[account] = Oracle(definitions, events, custom, anyone, self.at, users=users)
        return self._oracles[account]

    def is_in(self, person: Person, audience: Definition) -> bool:
        """Whether one of the user's accounts is."""
        mine = [one for one in self.history.accounts.people if person in self.history.users(one)]
        return any(self.account(one).value_of(audience) for one in mine)


class _Traits(Mapping[str, Any]):
    """Of a user: an account audience goes before a custom trait of that key (docs/query.md)."""

    def __init__(self, recount: Recount, person: Person, custom: Mapping[str, Any]) -> None:
        self.recount, self.person, self.custom = recount, person, custom

    def __getitem__(self, key: str) -> Any:
        audience = self.recount.audiences.get(key)
        return self.recount.is_in(self.person, audience) if audience else self.custom[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.custom)

    def __len__(self) -> int:
        return len(self.custom)
