"""Flat matching: which profile an event belongs to, given what its identifiers lead to, and what that changes.

No profile has any of the event's identifiers: a new one. One has: the others are added to it. Several have: they merge.
Where the profile that would result breaks a limit or a cap, the lowest-ranking identifier on the event is set aside and
matching starts again (docs/rules.md, "Matching"). A merge of profiles that an unmerge took apart breaks the rule APART,
which is like any limit.

A limit is broken by what the event *adds*: a profile that holds more than the rules allow, because they have changed
since, still takes events that bring nothing new. Read so, whatever breaks with the first n identifiers breaks with
every longer list too, and the search from below finds in one pass what demotion finds from above.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from personas.core.identifier import Identifier
from personas.core.identity.periods import within
from personas.core.identity.root import Root
from personas.core.identity.rules import MAX_IDENTIFIERS, MAX_MERGES, Rules

APART = "apart: an unmerge took these profiles apart"
"""Stands in for a rule where an event would make one again what somebody made two."""


@dataclass(frozen=True, slots=True)
class Aside:
    """An identifier of the event that does not lead to its profile, and the rule that would have broken."""

    identifier: Identifier
    rule: str


@dataclass(frozen=True, slots=True)
class Decision:
    survivor: Root | None
    """None: the event's profile is a new one."""
    losers: tuple[tuple[Root, Identifier], ...]
    """Profiles that become part of the survivor, oldest first, each with the identifier that led there."""
    kept: tuple[Identifier, ...]
    claims: tuple[Identifier, ...]
    """Of those kept, what the profile gains."""
    aside: tuple[Aside, ...]
    via: Identifier | None = None
    """The identifier that led to the survivor."""

    @property
    def changes_something(self) -> bool:
        return bool(self.losers or self.claims)


def resolve(rules: Rules, identifiers: Sequence[Identifier], found: Mapping[Identifier, Root], now: int) -> Decision:
    """`identifiers`: at least one, by priority, highest first; `found`: the current root of each that has one.

    `now` (ms) is the moment of the event, from which periods slide back.
    """
    draft = _Draft(rules, now)
    for place, identifier in enumerate(identifiers):
        broken = draft.add(identifier, found.get(identifier))
        if broken:
            return draft.decision(tuple(Aside(left, broken) for left in identifiers[place:]))
    return draft.decision(())


class _Draft:
    """The profile that would result from the identifiers added so far."""

    def __init__(self, rules: Rules, now: int) -> None:
        self._rules = rules
        self._now = now
        self._kept: list[Identifier] = []
        self._claims: list[Identifier] = []
        self._roots: dict[str, tuple[Root, Identifier]] = {}
        self._counts: dict[str, int] = {}
        self._largest: dict[str, int] = {}
        self._size = self._largest_size = self._merges = 0

    def add(self, identifier: Identifier, root: Root | None) -> str | None:
        """Takes it, or says which rule that would break and takes nothing."""
        if root is None:
            return self._claim(identifier)
        if root.id not in self._roots:
            return self._join(identifier, root)
        self._kept.append(identifier)
        return None

    def decision(self, aside: tuple[Aside, ...]) -> Decision:
        oldest_first = sorted(self._roots.values(), key=lambda entry: entry[0].age)
        survivor, via = oldest_first[0] if oldest_first else (None, None)
        return Decision(survivor, tuple(oldest_first[1:]), tuple(self._kept), tuple(self._claims), aside, via)

    def _claim(self, identifier: Identifier) -> str | None:
        count = self._counts.get(identifier.type, 0) + 1
        rule = self._rules.rule(identifier.type)
        if count > rule.limit:
            return str(rule)
        if self._size + 1 > MAX_IDENTIFIERS:
            return f"a profile has at most {MAX_IDENTIFIERS} identifiers"
        self._counts[identifier.type] = count
        self._size += 1
        self._kept.append(identifier)
        self._claims.append(identifier)
        return None

    def _join(self, identifier: Identifier, root: Root) -> str | None:
        counts = {kind: self._count(kind, root) for kind in root.claims}
        broken = self._apart_from(root) or self._broken_by(counts) or self._caps_broken_by(root)
        if broken:
            return broken
        for kind, count in counts.items():
            self._counts[kind] = self._counts.get(kind, 0) + count
            self._largest[kind] = max(self._largest.get(kind, 0), count)
        self._size += root.size
        self._largest_size = max(self._largest_size, root.size)
        self._merges += len(root.merged) + (1 if self._roots else 0)
        self._roots[root.id] = root, identifier
        self._kept.append(identifier)
        return None

    def _count(self, kind: str, root: Root) -> int:
        return within(self._rules.rule(kind).period, root.claims[kind], self._now)

    def _apart_from(self, root: Root) -> str | None:
        """What was taken apart stays apart, whatever bridge comes: the profiles, and what became part of them since."""
        if any(other.is_apart_from(root) for other, _ in self._roots.values()):
            return APART
        return None

    def _broken_by(self, counts: Mapping[str, int]) -> str | None:
        for kind, count in counts.items():
            total = self._counts.get(kind, 0) + count
            grown = total > max(self._largest.get(kind, 0), count)
            if grown and total > self._rules.rule(kind).limit:
                return str(self._rules.rule(kind))
        return None

    def _caps_broken_by(self, root: Root) -> str | None:
        size = self._size + root.size
        if size > MAX_IDENTIFIERS and size > max(self._largest_size, root.size):
            return f"a profile has at most {MAX_IDENTIFIERS} identifiers"
        if self._roots and self._merges + len(root.merged) + 1 > MAX_MERGES:
            return f"a profile takes part in at most {MAX_MERGES} merges"
        return None
