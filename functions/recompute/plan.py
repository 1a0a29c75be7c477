"""Recompute, first step: list the hours of the due log that hold profiles to be ticked, for the Map to go through."""

import secrets
from typing import Any

import orjson

from personas import backfill_due, backfill_start, barriers
from personas.aws import client, setting
from personas.clock import now_ms
from personas.core.moments import hour_of
from personas.core.workspace import Space, new_id
from personas.stores import due_log, spaces


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Changes nothing: what is not ticked is listed again by the next run, and so are hours that were missed."""
    hour = hour_of(now_ms())
    buckets = []
    for space in spaces.all():
        _announce(space)
        # Whoever saved something died before starting a run, or the run was lost.
        if backfill_due.is_due(space.id):
            backfill_start.start(space.id, new_id("run", secrets.token_urlsafe))
        buckets += [{"space": space.id, "hour": due} for due in due_log.hours(space.id, hour)]
    key = f"recompute/{hour}/{secrets.token_hex(8)}.json"
    client("s3").put_object(Bucket=setting("WORK_BUCKET"), Key=key, Body=orjson.dumps(buckets))
    return {"count": len(buckets), "bucket": setting("WORK_BUCKET"), "key": key}


def _announce(space: Space) -> None:
    """Definitions that were saved and not announced, because whoever saved them died in between."""
    head = spaces.head(space.id)
    if head and head.barrier < head.definitions:
        barriers.send(space.id, head.definitions)
