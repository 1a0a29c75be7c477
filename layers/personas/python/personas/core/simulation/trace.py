"""A trace is what the identity graph has recorded of one event: the identifiers by which it changed something, or was
kept from it.

Invariant: resolved again where it was, by the rules of then, a trace does what its event did. What it lacks of the
event had no say in that: identifiers that led where another one led already, and some of those set aside.
"""

from dataclasses import dataclass, field

from personas.core.identifier import Identifier
from personas.core.identity.rules import Rules

KEPT, BREAKER, BELOW = range(3)
"""What became of an identifier: it led to the profile; or it would have broken a rule; or it ranked below one that
would. Of one type they came in this order."""

Key = tuple[str, str, str, int]
"""Collection, source, message and moment of receipt: a message that is sent again later is another event."""


@dataclass(slots=True)
class Trace:
    key: Key
    event: str
    """The type of the call."""
    places: dict[Identifier, int] = field(default_factory=dict)
    """Each of its identifiers with KEPT, BREAKER or BELOW."""
    versions: dict[str, int] = field(default_factory=dict)
    """Of each profile that it changed or looked at, as they were called then: the version that it gave it, or saw."""
    founded: str | None = None
    """The profile that it made."""
    changed: set[str] = field(default_factory=set)
    """Those of them that it changed."""
    rule: str | None = None
    """Because of which something was set aside, in words."""
    free: Identifier | None = None
    """What was set aside though no profile had it."""

    @property
    def at(self) -> int:
        return self.key[3]

    def change(self, profile: str, version: int) -> None:
        self.changed.add(profile)
        self.see(profile, version)

    def see(self, profile: str, version: int) -> None:
        self.versions[profile] = max(version, self.versions.get(profile, 0))

    def keep(self, identifier: Identifier) -> None:
        self.places[identifier] = KEPT

    def set_aside(self, identifier: Identifier, place: int) -> None:
        """What is known of an identifier's place from elsewhere stands: BREAKER may be told twice."""
        self.places[identifier] = min(place, self.places.get(identifier, place))

    def ranked(self, rules: Rules) -> list[Identifier]:
        """By priority, highest first; what the rules block is left out.

        >>> trace = Trace(("users", "src1", "m1", 0), "identify")
        >>> trace.set_aside(Identifier("email", "a@b.c"), BREAKER)
        >>> trace.keep(Identifier("email", "z@b.c"))
        >>> trace.keep(Identifier("user_id", "u1"))
        >>> [one.value for one in trace.ranked(Rules.default())]
        ['u1', 'z@b.c', 'a@b.c']
        """
        sound = [one for one in self.places if not rules.blocks(one)]
        return sorted(sound, key=lambda one: (rules.rank(one.type), self.places[one], one.value))
