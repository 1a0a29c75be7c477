"""A dead delivery is a call that a tool will never take as it is: kept with the reason, for a person, and for replay.

Invariant: the same call to the same destination is the same letter. Replaying it puts the change back in the outbox,
where it goes out only if nothing newer has.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from personas.core.moments import iso, parse_iso

STAGE = "deliver"


@dataclass(frozen=True, slots=True)
class DeadDelivery:
    space: str
    destination: str
    profile: str
    change: dict[str, Any]
    """The change that the call tells of, as `Change.to_data` gives it."""
    call: dict[str, Any]
    reason: str
    at: int

    @property
    def message_id(self) -> str:
        return str(self.call["messageId"])

    @property
    def key(self) -> str:
        day = str(self.call["timestamp"])[:10]
        digest = blake2b(f"{self.destination}\x1f{self.message_id}".encode(), digest_size=8).hexdigest()
        return f"{self.space}/{STAGE}/{day}/{digest}.json"

    def to_data(self) -> dict[str, Any]:
        return {
            "stage": STAGE,
            "space": self.space,
            "destination": self.destination,
            "profile": self.profile,
            "reason": self.reason,
            "at": iso(self.at),
            "call": self.call,
            "change": self.change,
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "DeadDelivery":
        at = parse_iso(data["at"])
        return cls(**{name: value for name, value in data.items() if name not in ("stage", "at")}, at=at)
