"""Admission: which calls of a submission become events, how they are stamped, and why the others are refused.

The client's clock is corrected as Segment does: timestamp = receivedAt - (sentAt - originalTimestamp), so that what
counts is how long the client kept the call. Imports of the past are taken at their word.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from personas.core.event import Event
from personas.core.moments import iso
from personas.core.tracking.rules import first_reason, is_writable, moment
from personas.core.tracking.submission import MAX_EVENT, Submission

_IDS = ("userId", "anonymousId", "groupId", "previousId", "messageId")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was not accepted, with the reason for a person."""

    index: int
    message_id: str | None
    reason: str
    call: Any

    def to_answer(self) -> dict[str, Any]:
        return {"index": self.index, "messageId": self.message_id, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Admission:
    events: tuple[Event, ...]
    refusals: tuple[Refusal, ...]


def admit(submission: Submission, space: str, source: str, received: int, new_id: Callable[[], str]) -> Admission:
    """Judges and stamps each call. `received` in ms; `new_id` makes the messageId of a call that has none."""
    events: list[Event] = []
    refusals: list[Refusal] = []
    for index, (call, size) in enumerate(zip(submission.calls, submission.sizes, strict=True)):
        tidied = _tidied(call) if isinstance(call, dict) else call
        reason, at = _judged(tidied, size, submission, received)
        if reason is None:
            body = _stamped(tidied, submission, at, received, new_id)
            events.append(Event(space, source, at, received, body))
        else:
            given = tidied.get("messageId") if isinstance(tidied, dict) else None
            refusals.append(Refusal(index, given if isinstance(given, str) else None, reason, call))
    return Admission(tuple(events), tuple(refusals))


def _judged(call: Any, size: int, submission: Submission, received: int) -> tuple[str | None, int]:
    """(why it is refused, 0) or (None, when it happened)."""
    if not isinstance(call, dict):
        return "a call must be a JSON object", 0
    if size > MAX_EVENT:
        return f"a call must be at most {MAX_EVENT} bytes (32 KB), and this one has {size}", 0
    reason = first_reason(call)
    if reason is None and not call.get("sentAt") and submission.sent_at and moment(submission.sent_at) is None:
        reason = "sentAt must be an ISO 8601 timestamp, such as 2025-03-10T09:00:00.000Z"
    if reason is not None:
        return reason, 0
    at = _happened(call, submission, received)
    if not is_writable(at):
        return "timestamp and sentAt are too far apart to be a moment: mend the client's clock", 0
    return None, at


def _happened(call: dict[str, Any], submission: Submission, received: int) -> int:
    claimed = moment(call.get("timestamp"))
    original = moment(call.get("originalTimestamp"))
    sent = None if submission.historical else moment(call.get("sentAt") or submission.sent_at)
    if sent is not None:
        original = original if original is not None else claimed
        return received if original is None else received - (sent - original)
    chosen = claimed if claimed is not None else original
    return received if chosen is None else chosen


def _stamped(
    call: dict[str, Any], submission: Submission, at: int, received: int, new_id: Callable[[], str]
) -> dict[str, Any]:
    """The canonical body: everything that the client sent, and the server's stamps."""
    original = moment(call.get("originalTimestamp") or call.get("timestamp"))
    sent = moment(call.get("sentAt") or submission.sent_at)
    stamps = {"originalTimestamp": original, "sentAt": sent, "timestamp": at, "receivedAt": received}
    body = {name: value for name, value in call.items() if name not in stamps}
    body.update({name: iso(stamp) for name, stamp in stamps.items() if stamp is not None})
    if not body.get("messageId"):
        body["messageId"] = new_id()
    return body


def _tidied(call: dict[str, Any]) -> dict[str, Any]:
    """Ids that are whole numbers become text (database keys are often sent like that); empty ones vanish."""
    tidied = {name: value for name, value in call.items() if value is not None}
    for name in _IDS:
        given = tidied.get(name)
        if isinstance(given, int) and not isinstance(given, bool):
            tidied[name] = str(given)
        elif given == "" and name != "groupId":
            del tidied[name]
    return tidied
