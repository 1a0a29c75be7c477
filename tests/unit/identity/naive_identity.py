"""Flat matching in the plainest words: the oracle against which the resolver and the stores are held.

Of each person it notes which identifiers events tied to which, so that a bridge can be taken away again: what is then
tied to one of its ends is one person, and the rest the other (docs/identity.md, "Undoing a merge").
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from personas.core.identifier import Identifier
from personas.core.identity.rules import Rules
from personas.core.moments import DAY

DAYS = {"daily": 1, "weekly": 7, "monthly": 30, "annually": 365}


Tie = tuple[Identifier, Identifier]
"""What an event brought, and what it came by; of a merge, the end at the person who was to go on, and the other."""


@dataclass(eq=False)
class Founder:
    """What somebody is made of: a profile that was one of its own when it began."""

    identifier: Identifier
    created: int


@dataclass(eq=False)
class Person:
    id: str
    created: int
    gained: dict[Identifier, int] = field(default_factory=dict)
    merges: int = 0
    ties: list[Tie] = field(default_factory=list)
    bridges: list[Tie] = field(default_factory=list)
    """Of these, the merges that stand."""
    founders: list[Founder] = field(default_factory=list)
    apart: set[Founder] = field(default_factory=set)
    """Whose profiles it is never to be one with again."""

    def is_apart_from(self, other: "Person") -> bool:
        return not self.apart.isdisjoint(other.founders) or not other.apart.isdisjoint(self.founders)

    @property
    def oldest(self) -> Founder:
        return min(self.founders, key=lambda one: one.created)


@dataclass
class World:
    max_merges: int = 100
    max_identifiers: int = 1_000
    people: list[Person] = field(default_factory=list)
    made: int = 0
    parted: int = 0

    def add(self, rules: Rules, event: Sequence[Identifier], now: int) -> tuple[Person, list[Identifier]]:
        """The event's identifiers by priority; answers with the person that they lead to and the identifiers kept."""
        kept = list(event)
        while self._breaks(rules, kept, now):
            kept.pop()
        matched = self._matched(kept)
        if not matched:
            self.made += 1
            matched = [Person(f"use_{self.made:04d}", now, founders=[Founder(kept[0], now)])]
            self.people += matched
        person, *others = sorted(matched, key=lambda one: (one.created, one.id))
        near = next((one for one in kept if one in person.gained), kept[0])
        for other in others:
            person.bridges.append((near, next(one for one in kept if one in other.gained)))
            person.ties.append(person.bridges[-1])
            self._unite(person, other)
        for one in kept:
            if one not in person.gained:
                person.gained[one] = now
                person.ties.append((near, one))
        return person, kept

    def _unite(self, person: Person, other: Person) -> None:
        person.gained |= other.gained
        person.merges += other.merges + 1
        person.ties += other.ties
        person.bridges += other.bridges
        person.founders += other.founders
        person.apart |= other.apart
        self.people.remove(other)

    def find(self, identifier: Identifier) -> Person | None:
        return next((person for person in self.people if identifier in person.gained), None)

    def undo(self, person: Person, bridge: Tie) -> None:
        """Take a merge away: who was founded first goes on, the other is as if the event had never come."""
        ties = [tie for tie in person.ties if tie is not bridge]
        near, far = (_tied(ties, end) for end in bridge)
        assert near.isdisjoint(far), "each tie joined what nothing else joined"
        leaving = far if person.oldest.identifier in near else near
        person.ties = [tie for tie in ties if tie[0] not in leaving]
        founders = [one for one in person.founders if one.identifier in leaving]
        self._part(person, leaving, [tie for tie in ties if tie[0] in leaving], founders)
        person.founders = [one for one in person.founders if one not in founders]
        person.bridges = [tie for tie in person.bridges if any(tie is one for one in person.ties)]

    def take_out(self, person: Person, leaving: Sequence[Identifier]) -> None:
        """Just these leave; what came by them stays."""
        first = leaving[0]
        created = min(person.gained[one] for one in leaving)
        self._part(person, leaving, [(first, one) for one in leaving[1:]], [Founder(first, created)])

    def _part(self, person: Person, leaving: Collection[Identifier], ties: list[Tie], founders: list[Founder]) -> None:
        """It goes on without these; whoever has them is never to be one with it again."""
        self.parted += 1
        gained = {one: at for one, at in person.gained.items() if one in leaving}
        bridges = [bridge for bridge in person.bridges if any(bridge is tie for tie in ties)]
        person.gained = {one: at for one, at in person.gained.items() if one not in leaving}
        other = Person(f"parted_{self.parted}", 0, gained, 0, ties, bridges, founders, {*person.apart, person.oldest})
        other.created = other.oldest.created
        person.apart.add(other.oldest)
        self.people.append(other)

    def partition(self) -> set[frozenset[Identifier]]:
        return {frozenset(person.gained) for person in self.people if person.gained}

    def _matched(self, kept: Sequence[Identifier]) -> list[Person]:
        return [person for person in self.people if any(one in person.gained for one in kept)]

    def _breaks(self, rules: Rules, kept: Sequence[Identifier], now: int) -> bool:
        matched = self._matched(kept)
        if any(one.is_apart_from(other) for one in matched for other in matched):
            return True
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


def _tied(ties: Sequence[Tie], identifier: Identifier) -> set[Identifier]:
    """All that these tie to it, by whatever ways."""
    found, ahead = set[Identifier](), {identifier}
    while ahead:
        found |= ahead
        ahead = {one for tie in ties for one in tie if found.intersection(tie)} - found
    return found
