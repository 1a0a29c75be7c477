"""Archive: writes what commits changed of profiles' traits into the trait log. Woken by the profiles table's stream.

Idempotent: the same batch is the same objects; what a batch that was cut otherwise repeats is known as such.
"""

from typing import Any

from personas.stores import spaces, trait_log


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Nothing is written for spaces that are gone: their purge may have passed already."""
    entries = [entry for record in event["Records"] for entry in trait_log.entries_of(record["dynamodb"])]
    known = spaces.heads({entry.space for _, entry in entries})
    trait_log.write(one for one in entries if one[1].space in known)
    return {"batchItemFailures": []}
