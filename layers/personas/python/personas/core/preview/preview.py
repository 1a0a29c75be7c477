"""A preview of a definition that nobody has saved: what was asked, how far it is, and what came of it.

Invariant: it ends. Who has not heard of it by its deadline takes it for failed, whatever became of its workflow.

>>> asked = Definition("prv_1", "prv_1", "", "audience", "users", "event('Order').count() >= 1", 0)
>>> preview = Preview("prv_1", "spa_1", asked, {}, created=0)
>>> preview.status(now_ms=0), preview.status(DEADLINE), preview.failed("lost", 1).status(2)
('RUNNING', 'FAILED', 'FAILED')
>>> preview.completed({"size": 0}, 5).status(DEADLINE), Preview.of_data(preview.to_data()) == preview
('COMPLETED', True)
"""

from dataclasses import dataclass, replace
from typing import Any

from personas.core.moments import DAY, HOUR
from personas.core.query.definition import Definition

KEPT = 7 * DAY
"""From its creation."""
DEADLINE = HOUR
"""Longer than its workflow may run."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """The audience with which the previewed one is compared, as it is in force."""

    id: str
    key: str


@dataclass(frozen=True, slots=True)
class Preview:
    id: str
    space: str
    definition: Definition
    """Its key is the preview's id, so that no trait can be meant by it."""
    compiled: dict[str, Any]
    """A DefinitionSet of the definition alone, as data: what works on the preview needs no parser."""
    created: int
    """Ms: the moment as of which everything is evaluated."""
    look_back_days: int | None = None
    overlap: Overlap | None = None
    exact: bool = False
    """Whether every profile is to be looked at, however long that takes."""
    finished: int | None = None
    """Ms."""
    failure: str | None = None
    result: dict[str, Any] | None = None
    """As the Control API shows it."""

    @property
    def expires(self) -> int:
        return self.created + KEPT

    def status(self, now_ms: int) -> str:
        """Segment's word for how far it is."""
        if self.result is not None:
            return "COMPLETED"
        return "FAILED" if self.reason(now_ms) else "RUNNING"

    def reason(self, now_ms: int) -> str | None:
        """Why it failed."""
        lost = self.result is None and now_ms >= self.created + DEADLINE
        return self.failure or ("it was not done within an hour: ask again" if lost else None)

    def completed(self, result: dict[str, Any], now_ms: int) -> "Preview":
        return replace(self, result=result, finished=now_ms)

    def failed(self, reason: str, now_ms: int) -> "Preview":
        return replace(self, failure=reason, finished=now_ms)

    def to_data(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "space": self.space,
            "definition": self.definition.to_data(),
            "compiled": self.compiled,
            "created": self.created,
            "look_back_days": self.look_back_days,
            "overlap": [self.overlap.id, self.overlap.key] if self.overlap else None,
            "exact": self.exact,
            "finished": self.finished,
            "failure": self.failure,
            "result": self.result,
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Preview":
        overlap = Overlap(*data["overlap"]) if data["overlap"] else None
        return cls(**{**data, "definition": Definition.of_data(data["definition"]), "overlap": overlap})
