"""Recompute, second step: tick the profiles that the due log lists under one hour, then forget the list."""

from typing import Any

from personas import profiles_stream
from personas.core.envelope import TickEnvelope
from personas.stores import due_log


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """The event is one bucket, {"space", "hour"}. Running it twice is harmless: a second tick changes nothing."""
    space, hour = event["space"], event["hour"]
    entries = list(due_log.read(space, hour))
    profiles = sorted({profile for _, ids in entries for profile in ids})
    profiles_stream.send(TickEnvelope(space, profile, hour) for profile in profiles)
    due_log.delete(key for key, _ in entries)
    return {"ticked": len(profiles)}
