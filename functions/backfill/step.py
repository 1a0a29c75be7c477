"""Backfill, between its Maps: one step of the workflow, which says what is next."""

from typing import Any

from aws_lambda_powertools import Logger

from personas import backfill
from personas.clock import now_ms

logger = Logger()


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """The event is the workflow's state; with a `failure` in it, the run ends, and says so on what it was about."""
    failure = event.get("failure")
    if failure is None:
        return backfill.take_step(event, now_ms())
    logger.error("backfill failed", extra={"space": event["space"], "failure": failure})
    return backfill.give_up(event, f"{failure.get('Error')}: {failure.get('Cause')}"[:500])
