"""The periods over which a limit counts: for ever, or sliding back from the event that brings another value.

>>> within("daily", (1_000, 2_000), now=1_000 + DAY), within("ever", (1_000, 2_000), now=0)
(1, 2)
"""

from collections.abc import Sequence

from personas.core.moments import DAY

EVER = "ever"
SPANS = {"daily": DAY, "weekly": 7 * DAY, "monthly": 30 * DAY, "annually": 365 * DAY}
"""In ms."""

PERIODS = (EVER, *SPANS)


def within(period: str, moments: Sequence[int], now: int) -> int:
    """How many of the moments still count at `now`. One that is exactly as old as the period no longer does."""
    if period == EVER:
        return len(moments)
    since = now - SPANS[period]
    return sum(moment > since for moment in moments)
