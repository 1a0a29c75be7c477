"""The engine's clock: the machine's clock plus an offset that a test can move forward. The offset survives restarts."""

import json
import os
import time
from pathlib import Path

from personas.core.errors import InvalidInput


class EngineClock:
    def __init__(self, file: Path) -> None:
        self._file = file
        self.offset_ms: int = json.loads(file.read_text())["offset_ms"] if file.exists() else 0

    def now_ns(self) -> int:
        return time.time_ns() + self.offset_ms * 1_000_000

    def now_ms(self) -> int:
        return self.now_ns() // 1_000_000

    def advance_to(self, moment_ms: int) -> None:
        """Move now forward to the moment; a moment that is past changes nothing."""
        self.advance(max(0, moment_ms - self.now_ms()))

    def advance(self, ms: int) -> None:
        """Time never goes back: records, leases and versions rely on it."""
        if ms < 0:
            raise InvalidInput("advanceSeconds must not be negative: time only goes forward", "advanceSeconds")
        if ms == 0:
            return
        self.offset_ms += ms
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".tmp")
        draft.write_text(json.dumps({"offset_ms": self.offset_ms}))
        os.replace(draft, self._file)
