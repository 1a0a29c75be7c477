"""Previews, inside a Map: one shard of users or of the profiles that are looked at."""

from typing import Any

from personas import preview_tasks
from personas.clock import now_ms
from personas.preview import waited_for


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Idempotent. What nobody waits for any more is not done."""
    preview = waited_for(event, now_ms())
    if preview:
        (preview_tasks.gather if event["task"] == "gather" else preview_tasks.evaluate)(preview, event)
    return {"number": event["number"]}
