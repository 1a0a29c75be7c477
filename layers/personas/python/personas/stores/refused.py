"""What ingestion refused, for the debugger of its source: the last requests of each source, for three days.

A ring of slots per source, so that a client that errs in a loop cannot fill the table.
"""

from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from personas import documents
from personas.aws import client
from personas.core.moments import DAY, SECOND
from personas.core.tracking.admission import Refusal

log = Logger(service="refused")

SLOTS = 200
KEPT = 3 * DAY
MAX_REFUSALS = 50
MAX_CALL = 4_000
"""Characters of a refused call that are kept, as text."""


def partition(space: str, source: str) -> str:
    return f"{space}#refused#{source}"


def note(space: str, source: str, at: int, refusals: tuple[Refusal, ...]) -> None:
    """Keep the refusals if there are any; failing to is logged and no more, for the good calls are already taken."""
    try:
        if refusals:
            keep(space, source, at, refusals)
    except (ClientError, BotoCoreError):
        log.exception("refused calls were not kept for the debugger", source=source)


def keep(space: str, source: str, at: int, refusals: tuple[Refusal, ...]) -> None:
    """One item for the refusals of one request. Not idempotent: a request sent twice was refused twice."""
    pk = partition(space, source)
    counted = client("dynamodb").update_item(
        TableName=documents.table(),
        Key=documents.key(pk, "count"),
        UpdateExpression="ADD #count :one",
        ExpressionAttributeNames={"#count": "count"},
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    slot = int(counted["Attributes"]["count"]["N"]) % SLOTS
    data = {"at": at, "refused": [_kept(refusal) for refusal in refusals[:MAX_REFUSALS]], "total": len(refusals)}
    documents.put(pk, f"slot#{slot:03d}", data, ttl=(at + KEPT) // SECOND)


def of_source(space: str, source: str) -> list[dict[str, Any]]:
    """Requests with refused calls, the newest first: {"at" (ms), "refused": [...], "total"}."""
    found = documents.all_of(partition(space, source), "slot#")
    return sorted(found, key=lambda request: int(request["at"]), reverse=True)


def _kept(refusal: Refusal) -> dict[str, Any]:
    return {**refusal.to_answer(), "call": str(refusal.call)[:MAX_CALL]}
