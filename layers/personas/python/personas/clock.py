"""The one clock of every handler. Only the local engine moves it (docs/contract.md, "Time and settling")."""

import time
from collections.abc import Callable

read: Callable[[], int] = time.time_ns
"""Nanoseconds since 1970. Only `personas.local` and tests replace it."""


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return read() // 1_000_000
