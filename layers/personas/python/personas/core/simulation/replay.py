"""A replay resolves what is recorded of a space's events by given rules, over a graph in memory.

It decides by the resolver itself. What an unmerge took apart stays apart: a trace that carries identifiers of both is
resolved once for each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from personas.core.identifier import Identifier
from personas.core.identity.resolver import APART, Decision, resolve
from personas.core.identity.root import Root
from personas.core.identity.rules import Rules
from personas.core.simulation.trace import Key, Trace


@dataclass(slots=True)
class Replay:
    rules: Rules
    apart: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Profiles of now that are never to be one."""
    homes: Mapping[Identifier, str] = field(default_factory=dict)
    """The profile that has each identifier now."""
    refusals: dict[Key, str] = field(default_factory=dict)
    """Because of which rule something of an event was set aside, in words."""
    _claimed: dict[Identifier, str] = field(default_factory=dict)
    _into: dict[str, str] = field(default_factory=dict)
    """From a profile that merged towards the one that it is part of."""
    _roots: dict[str, Root] = field(default_factory=dict)
    """Of profiles that stand."""
    _marks: dict[str, set[str]] = field(default_factory=dict)
    """The profiles of now, among those that are apart from others, whose identifiers a profile has."""
    _made: int = 0

    def run(self, traces: Iterable[Trace]) -> "Replay":
        for trace in traces:
            self.take(trace)
        return self

    def take(self, trace: Trace) -> None:
        ranked = trace.ranked(self.rules)
        parts = self._parts(ranked) if self.apart else [ranked]
        if len(parts) > 1:
            self.refusals[trace.key] = APART
            if trace.rule == APART:  # they were apart already, and what ranked below was set aside
                parts = [ranked[: ranked.index(parts[1][0])]]
        for part in parts:
            if part:
                self._resolve(trace, part)

    def profile_of(self, identifier: Identifier) -> str | None:
        """None where it leads nowhere."""
        claimed = self._claimed.get(identifier)
        return self._current(claimed) if claimed else None

    def profiles(self) -> dict[Identifier, str]:
        """The profile of every identifier that leads anywhere."""
        return {one: self._current(claimed) for one, claimed in self._claimed.items()}

    def root(self, profile: str) -> Root:
        return self._roots[profile]

    def _resolve(self, trace: Trace, ranked: Sequence[Identifier]) -> None:
        found = {one: self._roots[profile] for one in ranked if (profile := self.profile_of(one))}
        decision = resolve(self.rules, ranked, found, trace.at)
        if decision.changes_something:
            self._carry_out(trace, decision)
        if decision.aside:
            self.refusals[trace.key] = decision.aside[0].rule

    def _carry_out(self, trace: Trace, decision: Decision) -> None:
        after = decision.survivor or self._new_root(trace)
        for loser, _ in decision.losers:
            after = after.absorbing(loser)
            del self._roots[loser.id]
            self._into[loser.id] = after.id
        if decision.claims:
            after = after.claiming(*(one.type for one in decision.claims), at=trace.at)
        self._roots[after.id] = after
        for one in decision.claims:
            self._claimed[one] = after.id
        if self.apart:
            marks = [self._marks.pop(loser.id, set()) for loser, _ in decision.losers]
            marks += [self._mark_of(one) for one in decision.claims]
            self._marks.setdefault(after.id, set()).update(*marks)

    def _new_root(self, trace: Trace) -> Root:
        """By its name of then, so that of two profiles of one age the same one survives."""
        named = trace.founded
        if named is None or named in self._roots or named in self._into:
            self._made += 1
            named = f"new_{self._made}"
        return Root(named, created=trace.at)

    def _current(self, profile: str) -> str:
        if profile not in self._into:
            return profile
        passed = []
        while profile in self._into:
            passed.append(profile)
            profile = self._into[profile]
        for one in passed:
            self._into[one] = profile
        return profile

    def _parts(self, ranked: Sequence[Identifier]) -> list[list[Identifier]]:
        """Identifiers that may be one profile: the first ones, and whatever is apart from those before it."""
        parts: list[list[Identifier]] = []
        met: list[set[str]] = []
        for one in ranked:
            profile = self.profile_of(one)
            marks = self._marks.get(profile, set()) if profile else self._mark_of(one)
            forbidden = {other for mark in marks for other in self.apart[mark]}
            place = next((place for place, others in enumerate(met) if not others & forbidden), len(parts))
            if place == len(parts):
                parts.append([])
                met.append(set())
            parts[place].append(one)
            met[place] |= marks
        return parts

    def _mark_of(self, identifier: Identifier) -> set[str]:
        home = self.homes.get(identifier)
        return {home} if home and home in self.apart else set()
