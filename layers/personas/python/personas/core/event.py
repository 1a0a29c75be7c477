"""An event is one accepted call of the Tracking API, stamped by `ingest`; its body is the call as Segment specifies it.

>>> event = Event("sp1", "src1", at=0, received=0, body={"type": "page", "messageId": "m", "name": "Home"})
>>> event.name, event.properties
('Page Viewed', {'page_name': 'Home'})
"""

from hashlib import blake2b
from typing import Any, NamedTuple

VIEWS = {"page": ("Page Viewed", "page_name"), "screen": ("Screen Viewed", "screen_name")}
"""Page and screen calls are events of these names; their `name` reads as this property (docs/contract.md)."""


class Event(NamedTuple):
    space: str
    source: str
    """The id of the source whose write key sent it."""
    at: int
    """When it happened, in ms: the client's timestamp, corrected for the client's clock."""
    received: int
    """When `ingest` had it, in ms."""
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def message_id(self) -> str:
        return str(self.body["messageId"])

    @property
    def name(self) -> str | None:
        """The name by which definitions know it: track, page and screen calls have one, the others have not."""
        kind = self.body["type"]
        if kind == "track":
            return str(self.body["event"])
        view = VIEWS.get(kind)
        return view[0] if view else None

    @property
    def properties(self) -> dict[str, Any]:
        body = self.body
        found: dict[str, Any] = body.get("properties") or {}
        view = VIEWS.get(body["type"])
        if view and (name := body.get("name")) is not None:
            return {view[1]: name, **found}
        return found

    @property
    def traits(self) -> dict[str, Any]:
        """The traits of an identify or group call itself (never `context.traits`)."""
        found: dict[str, Any] = self.body.get("traits") or {}
        return found

    @property
    def context(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body.get("context") or {}
        return found

    @property
    def fingerprint(self) -> bytes:
        """What makes it the same event when it comes again: source and messageId, as 8 bytes."""
        return fingerprint(self.source, self.message_id)

    def to_data(self) -> dict[str, Any]:
        return {"sp": self.space, "src": self.source, "at": self.at, "rx": self.received, "body": self.body}

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Event":
        return cls(data["sp"], data["src"], data["at"], data["rx"], data["body"])


def fingerprint(*parts: str) -> bytes:
    """Eight bytes that stand for the parts: two different lists of parts share them once in 1.8e19."""
    return blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
