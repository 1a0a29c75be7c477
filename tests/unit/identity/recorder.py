"""A graph in memory that records of each event what the identity stage writes down of it, and no more."""

from dataclasses import dataclass, field, replace

from personas.core.identifier import Identifier
from personas.core.identity.external_id import ExternalId
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge, merge_id
from personas.core.identity.resolver import Decision, resolve
from personas.core.identity.root import Root
from personas.core.identity.rules import Rules
from personas.core.simulation.history import History


@dataclass
class Recorder:
    rules: Rules
    mapping: dict[Identifier, str] = field(default_factory=dict)
    roots: dict[str, Root] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    asides: dict[tuple[str, Identifier], Fact] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    number: int = 0

    def decide(self, event: tuple[Identifier, ...], now: int) -> Decision:
        ranked = sorted(event, key=lambda one: self.rules.rank(one.type))
        found = {one: root for one in ranked if (root := self.root_of(one))}
        return resolve(self.rules, ranked, found, now)

    def add(self, event: tuple[Identifier, ...], now: int) -> None:
        self.number += 1
        decision = self.decide(event, now)
        holder = self.root_of(decision.aside[0].identifier) if decision.aside else None
        root = decision.survivor or Root(f"use_{self.number * 7919 % 1_000_003:07d}", created=now)
        for loser, bridge in decision.losers:
            self.roots[loser.id], root = loser.yielding_to(root), root.absorbing(loser)
            self.merges.append(self._merge(decision, root, loser, bridge, now))
        if decision.claims:
            root = root.claiming(*(one.type for one in decision.claims), at=now)
        self.roots[root.id] = root
        self.mapping |= dict.fromkeys(decision.claims, root.id)
        self.facts += [self._fact(root, one, "", decision.via, now) for one in decision.claims]
        for place, aside in enumerate(decision.aside):
            fact = self._fact(root, aside.identifier, aside.rule, decision.kept[0], now)
            breaker = decision.aside[0].identifier
            held = (holder.id, holder.version) if holder else ("", 0)
            fact = replace(fact, breaker=breaker if place else None, holder=held[0], holder_version=held[1])
            self.asides.setdefault((root.id, aside.identifier), fact)

    def root_of(self, one: Identifier) -> Root | None:
        profile = self.mapping.get(one)
        while profile and self.roots[profile].merged_into:
            profile = self.roots[profile].merged_into
        return self.roots[profile] if profile else None

    def writes_down_all_of(self, event: tuple[Identifier, ...], now: int) -> bool:
        """Whether nothing of the event would be lost."""
        decision = self.decide(event, now)
        told = {*decision.claims, *(bridge for _, bridge in decision.losers)}
        survivor = decision.survivor.id if decision.survivor else ""
        asides = {one.identifier for one in decision.aside if (survivor, one.identifier) not in self.asides}
        if decision.changes_something and decision.via:
            told.add(decision.via)
        if asides:
            told.add(decision.kept[0])
        return told | asides == set(event)

    def history(self, until: int = 10**13) -> History:
        """In no order that anybody may rely on."""
        history = History(until)
        for root in self.roots.values():
            history.root(root)
        for fact in self.asides.values():
            history.set_aside(fact)
        for fact in sorted(self.facts, key=lambda fact: fact.identifier):
            history.gained(fact)
        for merge in self.merges:
            history.merged(merge)
        return history

    def partition(self) -> set[frozenset[Identifier]]:
        return grouped({one: root.id for one in self.mapping if (root := self.root_of(one))})

    def _merge(self, decision: Decision, root: Root, loser: Root, bridge: Identifier, now: int) -> Merge:
        return Merge(
            id=merge_id(loser.id, loser.version),
            survivor=root.id,
            loser=loser.id,
            at=now,
            message_id=f"m{self.number}",
            source_id="src1",
            identifier=bridge,
            rule="",
            event="track",
            via=decision.via,
            version=root.version,
        )

    def _fact(self, root: Root, one: Identifier, rule: str, via: Identifier | None, now: int) -> Fact:
        seen = ExternalId(one.type, one.value, one.collection, "src1", now, f"m{self.number}")
        return Fact(root.id, seen, "track", rule, via, root.version)


def grouped(profiles: dict[Identifier, str]) -> set[frozenset[Identifier]]:
    sets: dict[str, set[Identifier]] = {}
    for one, profile in profiles.items():
        sets.setdefault(profile, set()).add(one)
    return {frozenset(members) for members in sets.values()}
