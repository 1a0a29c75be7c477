"""Simulation, inside its Map: reads one segment of the identity table, as far as the time allows."""

from typing import Any

from personas import simulating

RESERVE_MS = 60_000
"""Enough for one more page, and for writing down what was read."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Idempotent: what was written by a call that died is written again."""
    return simulating.gather(event, lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
