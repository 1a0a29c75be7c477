"""A stretch: what one profile folded between two places of its lane. It names rows of the archive.

Invariant: of a profile's rows, each lies in one stretch: where a stretch ends (the profile merged into another, or was
taken apart) the next begins.

>>> stretch = Stretch("use_a", (5, 0), (9, 2))
>>> (5, 0) in stretch, (5, 1) in stretch, (9, 1) in stretch, (9, 2) in stretch
(False, True, True, False)
>>> Stretch.of_data(stretch.to_data()) == stretch
True
"""

from dataclasses import dataclass
from typing import Any

Place = tuple[int, int]
"""Of an envelope in its lane: the record's sequence number, the place in the record."""

BEGINNING: Place = (-1, -1)


@dataclass(frozen=True, slots=True)
class Stretch:
    profile: str
    after: Place
    before: Place

    def __contains__(self, place: Place) -> bool:
        return self.after < place < self.before

    def has_taken_back(self, place: Place) -> bool:
        """Also by what ended it: the part of a merged profile that it had waited for may have brought what it knew."""
        return place in self or place == self.before

    def to_data(self) -> list[Any]:
        # Sequence numbers go beyond 64 bits.
        return [self.profile, str(self.after[0]), self.after[1], str(self.before[0]), self.before[1]]

    @classmethod
    def of_data(cls, data: list[Any]) -> "Stretch":
        profile, first, first_place, last, last_place = data
        return cls(profile, (int(first), first_place), (int(last), last_place))
