"""What a profile is made of, beside its aggregates: while its actor acts, and for what that actor has folded.

Invariant: whatever is told of a profile only by events it folded lies here, so that what begins anew (a profile that
was taken apart) begins with an empty one.
"""

from collections.abc import Iterable, Mapping

from personas.core.identifier import Identifier
from personas.core.profile.custom import CustomTraits, unite
from personas.core.profile.part import Part
from personas.core.profile.profile import Profile, Seen

Identifiers = Mapping[str, tuple[str, ...]]


class Life:
    """Mutable."""

    __slots__ = ("accounts", "custom", "first", "identifiers", "last")

    def __init__(self) -> None:
        self.custom: CustomTraits = {}
        self.identifiers: dict[str, set[str]] = {}
        self.accounts: set[str] = set()
        self.first: Seen | None = None
        self.last: Seen | None = None

    @classmethod
    def of(cls, told: Profile | Part) -> "Life":
        life = cls()
        life.unite(told)
        return life

    def unite(self, told: Profile | Part) -> None:
        """Take in what is told of another."""
        unite(self.custom, told.custom)
        for kind, values in told.identifiers.items():
            self.identifiers.setdefault(kind, set()).update(values)
        self.accounts.update(told.accounts)
        for seen in (told.first, told.last):
            if seen:
                self.see(seen)

    def see(self, seen: Seen) -> None:
        self.first = min(self.first or seen, seen)
        self.last = max(self.last or seen, seen)

    def identify(self, identifiers: Iterable[Identifier]) -> bool:
        """Returns whether it had no identifier of one of the types before."""
        before = len(self.identifiers)
        for one in identifiers:
            if one.collection == "users":
                self.identifiers.setdefault(one.type, set()).add(one.value)
        return len(self.identifiers) > before

    @property
    def listed(self) -> dict[str, tuple[str, ...]]:
        """Its identifiers, as a profile has them."""
        return {kind: tuple(sorted(values)) for kind, values in sorted(self.identifiers.items())}

    def __bool__(self) -> bool:
        return bool(self.first or self.custom)
