"""The history of a space's identities, gathered from what the graph has recorded: its events, and who is who now.

What was received after `until` is left out, on both sides, so that a history can be read while events arrive.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from personas.core.identifier import Identifier
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.identity.root import Root
from personas.core.identity.walk import walk
from personas.core.simulation.order import in_order
from personas.core.simulation.trace import BELOW, BREAKER, Key, Trace


class History:
    def __init__(self, until: int) -> None:
        self.until = until
        self._traces: dict[Key, Trace] = {}
        self._claims: dict[Identifier, tuple[str, Trace]] = {}
        self._losers: set[str] = set()
        self._roots: dict[str, Root] = {}

    def gained(self, fact: Fact) -> None:
        trace = self._trace_of(fact)
        if trace is None:
            return
        trace.change(fact.profile, fact.version)
        trace.keep(fact.identifier)
        self._claims[fact.identifier] = fact.profile, trace
        if fact.via is None:
            trace.founded = fact.profile

    def set_aside(self, fact: Fact) -> None:
        trace = self._trace_of(fact)
        if trace is None:
            return
        trace.see(fact.profile, fact.version)
        breaker = fact.breaker or fact.identifier
        trace.set_aside(fact.identifier, BELOW if fact.breaker else BREAKER)
        trace.set_aside(breaker, BREAKER)
        trace.rule = fact.rule
        if fact.holder:
            trace.see(fact.holder, fact.holder_version)
        elif fact.holder is not None:
            trace.free = breaker

    def merged(self, merge: Merge) -> None:
        """Also one that was taken back: what came of its event is told by who is apart."""
        key = (merge.identifier.collection, merge.source_id, merge.message_id, merge.at)
        trace = self._trace(key, merge.event)
        if trace is None:
            return
        trace.change(merge.survivor, merge.version)
        trace.change(merge.loser, merge.loser_version + 1)
        trace.keep(merge.identifier)
        if merge.via:
            trace.keep(merge.via)
        if merge.undone is None:
            self._losers.add(merge.loser)

    def root(self, root: Root) -> None:
        """A root of which nothing is told here stands alone."""
        if root.merged or root.merged_into or root.left or root.apart:
            self._roots[root.id] = root

    def traces(self) -> list[Trace]:
        """In the order in which they were resolved."""
        return in_order(list(self._traces.values()), {one: trace for one, (_, trace) in self._claims.items()})

    @cached_property
    def homes(self) -> Mapping[Identifier, str]:
        """The profile that has each identifier now."""
        return {one: self._home(profile, one) for one, (profile, _) in self._claims.items()}

    @cached_property
    def apart(self) -> Mapping[str, frozenset[str]]:
        """Profiles that are never to be one with others, because of unmerges; each is told at both."""
        found: dict[str, set[str]] = {}
        for root in self._roots.values():
            if root.apart and self._root_of(root.id).merged_into is None:
                for other in {self._home(name, None) for name in root.apart}:
                    found.setdefault(root.id, set()).add(other)
                    found.setdefault(other, set()).add(root.id)
        return {one: frozenset(others) for one, others in found.items()}

    def _home(self, profile: str, identifier: Identifier | None) -> str:
        """A root that was read before another one that names it leads as far as is known."""
        end = walk(self._root_of, profile, identifier)
        return end.id if isinstance(end, Root) else end.profiles[-1]

    def _root_of(self, profile: str) -> Root:
        """As it was at `until`: merges that came later have not happened."""
        root = self._roots.get(profile)
        if root is None:
            return Root(profile, created=0)
        return replace(root, merged_into=None) if root.merged_into and profile not in self._losers else root

    def _trace_of(self, fact: Fact) -> Trace | None:
        seen = fact.seen
        trace = self._trace((seen.collection, seen.source_id, seen.first_message_id, seen.created_at), fact.event)
        if trace is not None and fact.via:
            trace.keep(fact.via)
        return trace

    def _trace(self, key: Key, event: str) -> Trace | None:
        if key[3] > self.until:
            return None
        trace = self._traces.get(key)
        if trace is None:
            trace = self._traces[key] = Trace(key, event)
        return trace
