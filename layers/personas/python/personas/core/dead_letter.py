"""A dead letter is one event that a stage cannot handle, put aside whole, with the reason, so that it can be replayed.

Invariant: the same event that fails in the same stage again is the same letter, whenever that happens.

>>> event = Event("sp1", "src1", at=0, received=0, body={"type": "track", "messageId": "m", "event": "Bought"})
>>> letter = DeadLetter.of("profiles", event, ValueError("no such thing"), at=5)
>>> letter.key
'sp1/profiles/1970-01-01/ef3948eefed74657.json'
>>> DeadLetter.of_data(letter.to_data()) == letter
True
"""

from dataclasses import dataclass
from typing import Any

from personas.core.event import Event
from personas.core.moments import iso, parse_iso

MAX_REASON = 2_000
"""Characters of a reason that are kept: some errors carry their whole input."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    stage: str
    """The function that gave up, such as `identity` or `profiles`."""
    space: str
    event: Event
    error: str
    """The name of the error's class."""
    reason: str
    at: int
    """When the stage gave up, in ms."""

    @classmethod
    def of(cls, stage: str, event: Event, error: Exception, at: int) -> "DeadLetter":
        return cls(stage, event.space, event, type(error).__name__, str(error)[:MAX_REASON], at)

    @property
    def key(self) -> str:
        """Dated by the event's receipt, not by `at`, so that a redelivery after midnight is no second letter."""
        return f"{self.space}/{self.stage}/{iso(self.event.received)[:10]}/{self.event.fingerprint.hex()}.json"

    def to_data(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "space": self.space,
            "error": self.error,
            "reason": self.reason,
            "at": iso(self.at),
            "event": self.event.to_data(),
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "DeadLetter":
        event = Event.of_data(data["event"])
        return cls(data["stage"], data["space"], event, data["error"], data["reason"], parse_iso(data["at"]))
