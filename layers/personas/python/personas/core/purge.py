"""A purge is what is still to be removed of a deleted space, place by place, and in the end the receipt of it.

Nothing can reach what is left meanwhile: the space has no head, no key and no token. It begins only once every worker
that still knew the space has ended, so that nobody writes behind its back.

>>> purge = Purge("pur_1", "spa_1", requested=0, pending=("identity", "archive"))
>>> purge = purge.advanced(removed=2, cursor="k", now_ms=1).advanced(removed=1, cursor=None, now_ms=2)
>>> purge.pending, purge.purged, purge.finished
(('archive',), {'identity': 3}, None)
>>> purge.advanced(removed=0, cursor=None, now_ms=3).finished
3
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from personas.core.moments import MINUTE, iso

PLACES = ("profiles", "identity", "archive", "work", "deadLetters", "activation", "control")
"""In this order: what `changes` might still write because profiles go lies in a later one."""

GRACE = 15 * MINUTE
"""The longest that a Lambda function may run, and longer than a worker knows a write key (docs/contract.md)."""


@dataclass(frozen=True, slots=True)
class Purge:
    id: str
    space: str
    requested: int
    """In ms."""
    pending: tuple[str, ...] = PLACES
    at_once: Mapping[str, int] = field(default_factory=dict)
    """What was removed when the space was deleted, by what it was."""
    purged: Mapping[str, int] = field(default_factory=dict)
    """Items or objects removed since, by place."""
    cursor: Any = None
    """How far the first of the pending places is done; None: not begun."""
    finished: int | None = None
    """In ms."""

    @property
    def due(self) -> int:
        return self.requested + GRACE

    def advanced(self, removed: int, cursor: Any, now_ms: int) -> "Purge":
        """After one step in the first of the pending places; no cursor: nothing is left there."""
        place, *rest = self.pending
        purged = {**self.purged, place: self.purged.get(place, 0) + removed}
        if cursor is not None:
            return replace(self, purged=purged, cursor=cursor)
        return replace(self, purged=purged, cursor=None, pending=tuple(rest), finished=None if rest else now_ms)

    def receipt(self) -> dict[str, Any]:
        """As the Control API shows it."""
        return {
            "id": self.id,
            "spaceId": self.space,
            "deletedAt": iso(self.requested),
            "removed": dict(self.at_once),
            "purged": dict(self.purged),
            "pending": list(self.pending),
            "finishedAt": None if self.finished is None else iso(self.finished),
        }

    def to_data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Purge":
        return cls(**{**data, "pending": tuple(data["pending"])})
