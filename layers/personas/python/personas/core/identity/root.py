"""A root stands for one profile in the identity graph: what it holds, as far as the rules ask, and what it merged with.

Invariant: `version` grows with every change, so that a write can require the root that its decision was made on.

>>> older, younger = Root("use_a", created=1).claiming("email", at=1), Root("use_b", created=2).claiming("email", at=2)
>>> older.absorbing(younger)
Root(id='use_a', created=1, version=2, claims={'email': (1, 2)}, merged=('use_b',), merged_into=None)
>>> younger.yielding_to(older).merged_into
'use_a'
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Root:
    id: str
    created: int
    """When the event that created it was received, in ms."""
    version: int = 0
    """0: not written yet."""
    claims: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Per type of identifier, when each of its values was gained, in ms; those of merged profiles included."""
    merged: tuple[str, ...] = ()
    """Every profile that became part of this one, also by way of others."""
    merged_into: str | None = None

    @property
    def size(self) -> int:
        """How many identifiers it holds."""
        return sum(len(moments) for moments in self.claims.values())

    @property
    def age(self) -> tuple[int, str]:
        """The smaller one survives a merge: the older profile, then the smaller id."""
        return self.created, self.id

    def claiming(self, *types: str, at: int) -> "Root":
        """With one more identifier of each of the types named."""
        claims = dict(self.claims)
        for kind in types:
            claims[kind] = (*claims.get(kind, ()), at)
        return replace(self, version=self.version + 1, claims=claims)

    def absorbing(self, loser: "Root") -> "Root":
        claims = {
            kind: self.claims.get(kind, ()) + loser.claims.get(kind, ()) for kind in {**self.claims, **loser.claims}
        }
        merged = (*self.merged, loser.id, *loser.merged)
        return replace(self, version=self.version + 1, claims=claims, merged=merged)

    def yielding_to(self, survivor: "Root") -> "Root":
        return replace(self, version=self.version + 1, merged_into=survivor.id)

    def to_data(self) -> dict[str, Any]:
        """What the store keeps packed: the rest are attributes of their own, which conditions name."""
        return {"c": {kind: list(moments) for kind, moments in self.claims.items()}, "m": list(self.merged)}
