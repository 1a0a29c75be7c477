"""A tool to deliver to, for the demo and for tests: keeps every request that comes to /_local/sink or below.

What was kept survives restarts: one JSON line per request. It can be told to fail, as real tools do.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from personas.core.errors import InvalidInput


@dataclass(slots=True)
class Failure:
    """The next requests are answered with a status instead of being kept."""

    remaining: int
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""
    """Only requests whose path begins with it; "" stands for all."""

    @classmethod
    def of(cls, data: dict[str, Any]) -> "Failure":
        count, status = data.get("count", 1), data.get("status", 503)
        if not isinstance(count, int) or count < 0:
            raise InvalidInput("count must be a whole number from 0", "count")
        if not isinstance(status, int) or not 400 <= status <= 599:
            raise InvalidInput("status must be between 400 and 599", "status")
        return cls(count, status, dict(data.get("headers", {})), str(data.get("path", "")))

    def to_data(self) -> dict[str, Any]:
        return {"count": self.remaining, "status": self.status, "headers": self.headers, "path": self.path}


class Sink:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._requests: list[dict[str, Any]] = []
        kept = file.read_text() if file.exists() else ""
        self._requests = [json.loads(line) for line in kept.splitlines() if line.endswith("}")]
        file.parent.mkdir(parents=True, exist_ok=True)
        self._log = file.open("a")
        if kept and not kept.endswith("\n"):
            self._log.write("\n")  # what was cut off must not spoil the next line
        self.refused = 0
        self.failure = Failure(0, 503)

    def take(self, method: str, path: str, headers: dict[str, str], body: bytes, now_ms: int) -> Failure | None:
        """Keep a request; the failure, if this one has to fail."""
        if self.failure.remaining > 0 and path.startswith(self.failure.path):
            self.failure.remaining -= 1
            self.refused += 1
            return self.failure
        kept = {"method": method, "path": path, "headers": headers, "body": _json_or_text(body), "receivedAt": now_ms}
        self._requests.append(kept)
        self._log.write(json.dumps(kept) + "\n")
        self._log.flush()
        return None

    def listed(self, limit: int, path: str = "") -> dict[str, Any]:
        """The newest requests below a path, oldest first, and how many there are of each kind of event."""
        found = [request for request in self._requests if request["path"].startswith(path)]
        return {
            "total": len(found),
            "refused": self.refused,
            "byPath": dict(Counter(request["path"] for request in found)),
            "byEvent": dict(Counter(_event(request["body"]) for request in found)),
            "failing": self.failure.to_data() if self.failure.remaining else None,
            "requests": found[max(0, len(found) - limit) :] if limit > 0 else [],
        }

    def clear(self) -> None:
        self._requests.clear()
        self.refused = 0
        self._log.truncate(0)

    def close(self) -> None:
        self._log.close()


def _json_or_text(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _event(body: Any) -> str:
    if not isinstance(body, dict):
        return "other"
    return str(body.get("event") or body.get("type") or "other")
