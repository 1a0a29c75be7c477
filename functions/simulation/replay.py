"""Simulation, after its Map: what was gathered is resolved by the proposed rules. Or it failed, and says so."""

from typing import Any

from aws_lambda_powertools import Logger

from personas import simulating
from personas.clock import now_ms

logger = Logger()


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Idempotent: the first outcome stands."""
    failure = event.get("failure")
    if failure is None:
        simulating.replay(event, now_ms())
    else:
        logger.error("simulation failed", extra={"space": event["space"], "failure": failure})
        simulating.give_up(event, f"{failure.get('Error')}: {failure.get('Cause')}"[:500], now_ms())
    return {"space": event["space"], "simulation": event["simulation"]}
