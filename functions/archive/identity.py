"""Archive: writes what was committed to the identity graph into the identity log. Woken by the identity table's stream.

Idempotent: the same batch is the same objects; what a batch that was cut otherwise repeats is known as such.
"""

from typing import Any

from personas.stores import identity_log, spaces


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Nothing is written for spaces that are gone: their purge may have passed already."""
    entries = [entry for record in event["Records"] for entry in identity_log.entries_of(record["dynamodb"])]
    known = spaces.heads({entry.space for _, entry in entries})
    identity_log.write(one for one in entries if one[1].space in known)
    return {"batchItemFailures": []}
