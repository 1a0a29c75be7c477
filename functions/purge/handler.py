"""Purge: works off what deleted spaces left behind, in bounded steps, until nothing is left or its time is up.

Woken by its workflow, which calls it again while it answers `left`. Each step is noted once it is done, so that who
comes after a death begins with the step that was under way, and finds the rest of it.
"""

from typing import Any

from personas.clock import now_ms
from personas.core.purge import Purge
from personas.stores import leftovers, purges

RESERVE_MS = 60_000
"""Enough for one more step."""


def handle(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Idempotent. One at a time: the workflow ends before its next run starts."""
    while (purge := next(purges.waiting(now_ms()), None)) is not None:
        if context.get_remaining_time_in_millis() < RESERVE_MS:
            return {"left": True}
        purges.save(_step(purge))
    return {"left": False}


def _step(purge: Purge) -> Purge:
    if not purge.pending:  # it died between the receipt and striking it off
        return purge
    removed, cursor = leftovers.remove(purge.space, purge.pending[0], purge.cursor)
    return purge.advanced(removed, cursor, now_ms())
