"""Identity: resolves each event to its profile by the space's rules. Woken by the events stream."""

from base64 import b64decode
from typing import Any

from aws_lambda_powertools import Logger

from personas import profiles_stream
from personas.clock import now_ms
from personas.core.errors import Unavailable
from personas.core.identity.known import Known
from personas.events_stream import read_events
from personas.stitching import stitch
from personas.stores import dead_letters

logger = Logger()
known = Known()
"""Of this worker, as long as it is warm."""

RESERVE_MS = 15_000
"""Kept back of the function's time for handing on what was resolved."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What fails comes again from its record on; every record before it has been handed on."""
    records = [record["kinesis"] for record in event["Records"]]
    events = [read_events(b64decode(record["data"])) for record in records]
    try:
        stitched = stitch(events, known, now_ms(), lambda: context.get_remaining_time_in_millis() > RESERVE_MS)
        dead_letters.keep(stitched.letters)
        profiles_stream.send(stitched.envelopes)
        failed, failure = stitched.failed, stitched.failure
        if stitched.dropped:
            logger.info("events of spaces that are gone were dropped", extra={"count": stitched.dropped})
    except Unavailable as error:
        failed, failure = 0, error
    if failed is None:
        return {"batchItemFailures": []}
    logger.warning("events are to come again", exc_info=failure)
    return {"batchItemFailures": [{"itemIdentifier": records[failed]["sequenceNumber"]}]}
