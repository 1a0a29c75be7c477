"""A root stands for one profile in the identity graph: what it holds, as far as the rules ask, and what it merged with.

Invariant: `version` grows with every change, so that a write can require the root that its decision was made on; and
nothing that a root says of the past is ever unsaid but by an unmerge, which `epoch` counts.

>>> older, younger = Root("use_a", created=1).claiming("email", at=1), Root("use_b", created=2).claiming("email", at=2)
>>> one = older.absorbing(younger)
>>> one.version, one.claims, one.merged
(2, {'email': (1, 2)}, ('use_b',))
>>> younger.yielding_to(older).merged_into
'use_a'
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any


@dataclass(frozen=True, slots=True)
class Root:
    id: str
    created: int
    """When the event that created it was received, in ms."""
    version: int = 0
    """0: not written yet. Larger than that of any change that led here, also on the profiles merged."""
    claims: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Per type of identifier, when each of its values was gained, in ms; those of merged profiles included."""
    merged: tuple[str, ...] = ()
    """Every profile that became part of this one, also by way of others."""
    merged_into: str | None = None
    epoch: int = 0
    """How many unmerges it took part in, as the profile that stayed or as the one that was restored."""
    left: Mapping[str, str] = field(default_factory=dict)
    """To which profile an unmerge gave what had led here: by an identifier's digest, or by a profile's id."""
    apart: tuple[str, ...] = ()
    """Profiles with which it is never to be one again."""
    origins: tuple[str, ...] = ()
    """Profiles, besides those merged, under which facts and events of it may lie, because of unmerges."""

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
        return replace(
            self,
            version=max(self.version, loser.version) + 1,
            claims=claims,
            merged=merged,
            apart=united(self.apart, loser.apart),
            origins=united(self.origins, loser.origins),
        )

    def yielding_to(self, survivor: "Root") -> "Root":
        return replace(self, version=self.version + 1, merged_into=survivor.id)

    def is_apart_from(self, other: "Root") -> bool:
        return _names(self.apart, other) or _names(other.apart, self)

    def to_data(self) -> dict[str, Any]:
        """What the store keeps packed: the rest are attributes of their own, which conditions name."""
        data: dict[str, Any] = {
            "c": {kind: list(moments) for kind, moments in self.claims.items()},
            "m": list(self.merged),
        }
        more = {"e": self.epoch, "l": by_receiver(self.left), "a": list(self.apart), "o": list(self.origins)}
        return data | {key: part for key, part in more.items() if part}

    @classmethod
    def of_data(cls, id: str, created: int, version: int, merged_into: str | None, data: Mapping[str, Any]) -> "Root":
        return cls(
            id=id,
            created=created,
            version=version,
            claims={kind: tuple(moments) for kind, moments in data["c"].items()},
            merged=tuple(data["m"]),
            merged_into=merged_into,
            epoch=data.get("e", 0),
            left=receivers(data.get("l", {})),
            apart=tuple(data.get("a", ())),
            origins=tuple(data.get("o", ())),
        )


def by_receiver(left: Mapping[str, str]) -> dict[str, list[str]]:
    """
    >>> by_receiver({"a": "use_1", "b": "use_2", "c": "use_1"})
    {'use_1': ['a', 'c'], 'use_2': ['b']}
    """
    grouped: dict[str, list[str]] = {}
    for key, profile in left.items():
        grouped.setdefault(profile, []).append(key)
    return grouped


def receivers(grouped: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """
    >>> receivers({"use_1": ["a", "c"], "use_2": ["b"]})
    {'a': 'use_1', 'c': 'use_1', 'b': 'use_2'}
    """
    return {key: profile for profile, keys in grouped.items() for key in keys}


def united(*lists: Iterable[str]) -> tuple[str, ...]:
    """Each entry once, in order."""
    return tuple(dict.fromkeys(chain(*lists)))


def _names(listed: tuple[str, ...], root: Root) -> bool:
    return bool(listed) and (root.id in listed or any(profile in listed for profile in root.merged))
