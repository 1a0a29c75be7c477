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

    __slots__ = ("_listed", "accounts", "custom", "first", "identifiers", "last")

    def __init__(self) -> None:
        self.custom: CustomTraits = {}
        self.identifiers: dict[str, set[str]] = {}
        self._listed: Identifiers | None = None
        """As they were told, as long as there are no others."""
        self.accounts: set[str] = set()
        self.first: Seen | None = None
        self.last: Seen | None = None

    @classmethod
    def of(cls, told: Profile | Part) -> "Life":
        life = cls()
        life.custom = dict(told.custom)
        life.identifiers = {kind: set(values) for kind, values in told.identifiers.items()}
        life._listed = told.identifiers
        life.accounts = set(told.accounts)
        life.first, life.last = told.first, told.last
        return life

    def unite(self, told: Profile | Part) -> None:
        """Take in what is told of another."""
        unite(self.custom, told.custom)
        self._listed = None
        for kind, values in told.identifiers.items():
            self.identifiers.setdefault(kind, set()).update(values)
        self.accounts.update(told.accounts)
        for seen in (told.first, told.last):
            if seen:
                self.see(seen)

    def see(self, seen: Seen) -> None:
        if self.first is None or seen < self.first:
            self.first = seen
        if self.last is None or seen > self.last:
            self.last = seen

    def identify(self, identifiers: Iterable[Identifier]) -> bool:
        """Returns whether it had no identifier of one of the types before."""
        before = len(self.identifiers)
        for one in identifiers:
            kind, value, collection = one
            if collection == "users":
                if (values := self.identifiers.get(kind)) is None:
                    values = self.identifiers[kind] = set()
                if value not in values:
                    values.add(value)
                    self._listed = None
        return len(self.identifiers) > before

    @property
    def listed(self) -> Identifiers:
        """Its identifiers, as a profile has them."""
        if self._listed is not None:
            return self._listed
        return {kind: tuple(sorted(values)) for kind, values in sorted(self.identifiers.items())}

    def __bool__(self) -> bool:
        return bool(self.first or self.custom or self.identifiers)
