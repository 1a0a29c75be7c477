"""A simulation is a question (what would these rules have made of this space?), how far its answer is, and the answer.

>>> from dataclasses import replace
>>> asked = Simulation("sim_1", "sp", rules={}, rules_version=3, requested=0, segments=3)
>>> asked.status(now=1), asked.status(now=LONGEST + 1)
('INITIALIZED', 'FAILED')
>>> running = replace(asked, gathered=frozenset({0, 2}))
>>> running.status(now=1), running.progress
('RUNNING', 50)
>>> done = replace(running, report={"events": 0}, finished=1)
>>> done.status(now=LONGEST + 1), done.progress
('FINISHED', 100)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personas.core.moments import HOUR, iso

LONGEST = 3 * HOUR
"""A little longer than a run may take: one of which nothing is heard by then was cut off."""

CUT_OFF = "the run was cut off"


@dataclass(frozen=True, slots=True)
class Simulation:
    id: str
    space: str
    rules: Mapping[str, Any]
    """The proposed ones, as data."""
    rules_version: int
    """Of those in force."""
    requested: int
    """In ms. What is received later is left out."""
    segments: int
    """Of the identity table, which are read side by side."""
    gathered: frozenset[int] = frozenset()
    """The segments that have been read."""
    finished: int | None = None
    """In ms."""
    report: Mapping[str, Any] | None = None
    failure: str | None = None

    def status(self, now: int) -> str:
        if self.report is not None:
            return "FINISHED"
        if self.reason(now) is not None:
            return "FAILED"
        return "RUNNING" if self.gathered else "INITIALIZED"

    def reason(self, now: int) -> str | None:
        """Why it failed."""
        unheard = self.finished is None and now > self.requested + LONGEST
        return CUT_OFF if unheard else self.failure

    def is_under_way(self, now: int) -> bool:
        return self.status(now) in ("INITIALIZED", "RUNNING")

    @property
    def progress(self) -> int:
        """In percent; the replay counts as much as a segment."""
        return 100 if self.report is not None else 100 * len(self.gathered) // (self.segments + 1)

    def shown(self, now: int) -> dict[str, Any]:
        """As the Control API shows it, but for the report."""
        return {
            "id": self.id,
            "status": self.status(now),
            "progress": self.progress,
            "reason": self.reason(now),
            "createdAt": iso(self.requested),
            "finishedAt": iso(self.finished) if self.finished is not None else None,
            "rules": dict(self.rules),
        }
