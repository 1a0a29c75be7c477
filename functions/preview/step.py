"""Previews, between the Maps: one step of the workflow, which says what is next."""

from typing import Any

from aws_lambda_powertools import Logger

from personas import preview
from personas.clock import now_ms

logger = Logger()


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """The event is the workflow's state; with a `failure` in it, the preview fails, and says why."""
    failure = event.get("failure")
    if failure is None:
        return preview.take_step(event, now_ms())
    logger.error("preview failed", extra={"space": event["space"], "preview": event["preview"], "failure": failure})
    return preview.give_up(event, f"{failure.get('Error')}: {failure.get('Cause')}"[:500], now_ms())
