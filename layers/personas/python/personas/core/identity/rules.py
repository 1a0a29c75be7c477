"""The identity resolution rules of a space: which types of identifiers there are, their limits, and which rank higher.

Invariant: every rule is valid and priorities are distinct, because nothing but `default` and `of_data` makes them.

>>> rules = Rules.default()
>>> rules.rule("user_id").limit, rules.rule("loyalty_card").limit
(1, 5)
>>> sorted(["anonymous_id", "loyalty_card", "user_id", "ios.id", "email"], key=rules.rank)
['user_id', 'email', 'anonymous_id', 'ios.id', 'loyalty_card']
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from personas.core.identifier import Identifier
from personas.core.identity import rules_data
from personas.core.identity.blocked import Blocklist
from personas.core.identity.periods import EVER

FIRST = ("user_id", "email")
"""Rank above all others by default; the others follow in alphabetical order."""

BUILT_IN = frozenset(
    {
        *("user_id", "email", "anonymous_id", "cross_domain_id", "ga_client_id", "braze_id", "group_id"),
        *("android.id", "android.idfa", "android.push_token", "ios.id", "ios.idfa", "ios.push_token"),
    }
)
"""The types that Segment collects by itself (docs/rules.md, "Identifiers")."""

DEFAULT_LIMIT = 5
DEFAULT_LIMITS = {"user_id": 1}

MAX_MERGES = 100
MAX_IDENTIFIERS = 1_000
"""Caps of one profile, whatever the rules say. Events still resolve past them."""

Rank = tuple[float, str]


@dataclass(frozen=True, slots=True)
class IdentifierRule:
    type: str
    limit: int
    """How many values of the type one profile may hold, or gain within the period."""
    period: str
    priority: float
    """1 ranks highest. A type that has no rule of its own stands between two that have one."""
    blocked: Blocklist = field(default_factory=Blocklist)
    keys: tuple[str, ...] = ()
    """Names of traits and properties that hold it, beside the places where Segment looks by itself."""

    def __str__(self) -> str:
        return f"{self.type}: at most {self.limit} {self.period}"

    def to_data(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "limit": self.limit,
            "period": self.period,
            "priority": self.priority,
            "blockedValues": list(self.blocked.values),
            "blockedPatterns": list(self.blocked.patterns),
            "keys": list(self.keys),
        }


@dataclass(frozen=True, slots=True)
class Rules:
    identifiers: tuple[IdentifierRule, ...]
    """By priority, highest first."""
    blocked: Blocklist
    """Holds for every type."""
    _by_type: dict[str, IdentifierRule] = field(init=False, repr=False, compare=False)
    _keyed: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_type", {rule.type: rule for rule in self.identifiers})
        keyed = tuple((rule.type, key) for rule in self.identifiers for key in rule.keys)
        object.__setattr__(self, "_keyed", keyed)

    @classmethod
    def default(cls) -> "Rules":
        """What every space starts with: Segment's limits, periods, priorities and suggested blocked values."""
        ranked = (*FIRST, *sorted(BUILT_IN.difference(FIRST)))
        rules = (IdentifierRule(kind, default_limit(kind), EVER, place) for place, kind in enumerate(ranked, 1))
        return cls(tuple(rules), Blocklist.suggested())

    @classmethod
    def of_data(cls, data: Any) -> "Rules":
        """The whole list, as PUT identity-resolution has it. Raises InvalidInput with the field that is wrong.

        A priority that is left out is the place in the list. Without the lists that hold for every type
        (`blockedValues`, `blockedPatterns` beside `identifiers`) the suggested ones hold.
        """
        rules = [
            IdentifierRule(*entry[:4], Blocklist(*entry[4:6]), _keys(entry[0], entry[6]))
            for entry in rules_data.entries(data)
        ]
        blocked = rules_data.blocked_for_all(data)
        suggested = Blocklist.suggested()
        values = suggested.values if blocked[0] is None else blocked[0]
        patterns = suggested.patterns if blocked[1] is None else blocked[1]
        return cls(tuple(sorted(rules, key=lambda rule: rule.priority)), Blocklist(values, patterns))

    def to_data(self) -> dict[str, Any]:
        return {
            "identifiers": [rule.to_data() for rule in self.identifiers],
            "blockedValues": list(self.blocked.values),
            "blockedPatterns": list(self.blocked.patterns),
        }

    def types(self) -> tuple[str, ...]:
        return tuple(rule.type for rule in self.identifiers)

    def with_types(self, seen: Iterable[str]) -> "Rules":
        """With the types that events brought and nobody configured: each with its default rule, at its place.

        They are read in `context.externalIds` alone, as before: a property of that name is none until somebody says so.
        """
        added = [self.rule(kind) for kind in sorted(set(seen) - set(self.types()))]
        ranked = sorted((*self.identifiers, *added), key=lambda rule: self.rank(rule.type))
        return Rules(tuple(replace(rule, priority=place) for place, rule in enumerate(ranked, 1)), self.blocked)

    def keyed(self) -> tuple[tuple[str, str], ...]:
        """Types, each with a name of a trait or property that holds it."""
        return self._keyed

    def knows(self, kind: str) -> bool:
        """Whether the type has a rule of its own."""
        return kind in self._by_type

    def rule(self, kind: str) -> IdentifierRule:
        """The rule of a type; of one that has none, the default at its alphabetical place."""
        known = self._by_type.get(kind)
        return known or IdentifierRule(kind, default_limit(kind), EVER, self._place(kind))

    def rank(self, kind: str) -> Rank:
        """Sorts types by priority, highest first."""
        known = self._by_type.get(kind)
        return (known.priority if known else self._place(kind), kind)

    def blocks(self, identifier: Identifier) -> bool:
        known = self._by_type.get(identifier.type)
        return self.blocked.blocks(identifier.value) or (known is not None and known.blocked.blocks(identifier.value))

    def _place(self, kind: str) -> float:
        """Behind the last type that comes before it in the alphabet, so that a newcomer never outranks by chance."""
        if kind == FIRST[0]:
            return 0
        before = (rule.priority for rule in self.identifiers if rule.type in FIRST or rule.type < kind)
        if kind in FIRST:
            before = (rule.priority for rule in self.identifiers if rule.type == FIRST[0])
        return max(before, default=0) + (0.25 if kind in FIRST else 0.5)


def _keys(kind: str, given: tuple[str, ...] | None) -> tuple[str, ...]:
    """What is not said: a type that somebody made up is read by its name, one of Segment's where Segment looks."""
    if given is not None:
        return given
    return () if kind in BUILT_IN else (kind,)


def default_limit(kind: str) -> int:
    return DEFAULT_LIMITS.get(kind, DEFAULT_LIMIT)
