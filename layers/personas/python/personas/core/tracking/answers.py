"""What the Tracking API answers: `{"success": true}` only where every call of the request was accepted.

`code` and `message` are what Segment's libraries read from an error.
"""

from typing import Any

from personas.core.errors import PersonasError
from personas.core.tracking.admission import Admission

NO_SOURCE = "the write key belongs to no source: send it as Basic user name, or as writeKey in the body"

_CODES = {400: "invalid_request", 401: "unauthorized", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def to_admission(admitted: Admission) -> tuple[int, dict[str, Any]]:
    """(status, body). Libraries do not send again what was answered with 400, so the good calls are kept."""
    if not admitted.refusals:
        return 200, {"success": True}
    rejected = [refusal.to_answer() for refusal in admitted.refusals]
    count = f"{len(rejected)} of {len(rejected) + len(admitted.events)} calls were refused: "
    summary = {"code": _CODES[400], "message": count + admitted.refusals[0].reason}
    return 400, {"success": False, **summary, "accepted": len(admitted.events), "rejected": rejected}


def to_error(error: Exception, status: int) -> dict[str, Any]:
    """The body for a request that failed as a whole."""
    explained = isinstance(error, PersonasError) and status != 500
    message = str(error) if explained else "something went wrong on our side: send the same request again"
    return {"success": False, "code": _CODES.get(status, "server_error"), "message": message}
