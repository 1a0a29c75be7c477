"""Profiles: the single writer of every profile. Woken by the profiles stream, one lane at a time in its order."""

from base64 import b64decode
from typing import Any

from aws_lambda_powertools import Logger

from personas.clock import now_ms
from personas.core.errors import PersonasError
from personas.core.lanes import lane_of_key
from personas.core.profile.batch import LaneRecord
from personas.folding import fold
from personas.profiles_stream import read_envelopes

logger = Logger()


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """What can succeed later is delivered again from the first record; any other failure is Lambda's to bisect."""
    records = [record["kinesis"] for record in event["Records"]]
    try:
        fold([_lane_record(record) for record in records], now_ms())
    except PersonasError as error:
        if not error.retryable:
            raise
        logger.warning("batch is to be delivered again", exc_info=error)
        return {"batchItemFailures": [{"itemIdentifier": records[0]["sequenceNumber"]}]}
    return {"batchItemFailures": []}


def _lane_record(record: dict[str, Any]) -> LaneRecord:
    lane = lane_of_key(record["partitionKey"])
    return lane, int(record["sequenceNumber"]), read_envelopes(b64decode(record["data"]))
