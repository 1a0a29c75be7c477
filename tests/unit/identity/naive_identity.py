"""Flat matching in the plainest words: the oracle against which the resolver and the stores are held."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from personas.core.identifier import Identifier
from personas.core.identity.rules import Rules
from personas.core.moments import DAY

DAYS = {"daily": 1, "weekly": 7, "monthly": 30, "annually": 365}


@dataclass
class Person:
    id: str
    created: int
    gained: dict[Identifier, int] = field(default_factory=dict)
    merges: int = 0


@dataclass
class World:
    max_merges: int = 100
    max_identifiers: int = 1_000
    people: list[Person] = field(default_factory=list)
    made: int = 0

    def add(self, rules: Rules, event: Sequence[Identifier], now: int) -> tuple[Person, list[Identifier]]:
        """The event's identifiers by priority; answers with the person that they lead to and the identifiers kept."""
        kept = list(event)
        while self._breaks(rules, kept, now):
            kept.pop()
        matched = self._matched(kept)
        if not matched:
            self.made += 1
            matched = [Person(f"use_{self.made:04d}", now)]
            self.people += matched
        person, *others = sorted(matched, key=lambda one: (one.created, one.id))
        for other in others:
            person.gained |= other.gained
            person.merges += other.merges + 1
            self.people.remove(other)
        for one in kept:
            person.gained.setdefault(one, now)
        return person, kept

    def partition(self) -> set[frozenset[Identifier]]:
        return {frozenset(person.gained) for person in self.people}

    def _matched(self, kept: Sequence[Identifier]) -> list[Person]:
        return [person for person in self.people if any(one in person.gained for one in kept)]

    def _breaks(self, rules: Rules, kept: Sequence[Identifier], now: int) -> bool:
        matched = self._matched(kept)
        result = Person("result", now, dict.fromkeys(kept, now))
        for person in matched:
            result.gained |= person.gained
        merges = sum(person.merges for person in matched) + len(matched) - 1
        if len(matched) > 1 and merges > self.max_merges:
            return True
        before = max((len(person.gained) for person in matched), default=0)
        if len(result.gained) > max(self.max_identifiers, before):
            return True
        for kind in {one.type for one in result.gained}:
            rule = rules.rule(kind)
            before = max((count(rule.period, kind, person, now) for person in matched), default=0)
            if count(rule.period, kind, result, now) > max(rule.limit, before):
                return True
        return False


def count(period: str, kind: str, person: Person, now: int) -> int:
    since = now - DAYS[period] * DAY if period in DAYS else None
    return sum(one.type == kind and (since is None or at > since) for one, at in person.gained.items())
