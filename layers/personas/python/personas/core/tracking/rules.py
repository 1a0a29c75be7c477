"""The rules that a call must keep to be accepted (docs/rules.md, "Limits at ingestion"): one function each.

A rule returns None, or the reason for refusing the call, which names the field and the fix. Rules run in order and the
first reason counts, so that a rule may rely on those before it.

>>> first_reason({"type": "track", "userId": "u1"})
'event is missing: a track call needs the name of what happened'
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from personas.core.moments import parse_iso
from personas.core.tracking.submission import METHODS

Call = dict[str, Any]
Rule = Callable[[Call], str | None]

EARLIEST, LATEST = parse_iso("0001-01-01"), parse_iso("9999-12-31T23:59:59.999")

MAX_MESSAGE_ID = 100
MAX_GROUP_ID = 500
MAX_ENTRIES = 300
MAX_DEPTH = 100
MAX_USER_ID = 1_500
"""Characters of userId and anonymousId: they become keys of items, which DynamoDB limits to 2,048 bytes."""


def type_is_a_method(call: Call) -> str | None:
    kind = call.get("type")
    if isinstance(kind, str) and kind in METHODS:
        return None
    return f"type must be one of {', '.join(METHODS)}, in lower case"


def objects_are_objects(call: Call) -> str | None:
    for name in ("properties", "traits", "context", "integrations"):
        if not isinstance(call.get(name, {}), dict | None):
            return f"{name} must be an object"
    if not isinstance((call.get("context") or {}).get("traits", {}), dict | None):
        return "context.traits must be an object"
    return None


def not_nested_too_deeply(call: Call) -> str | None:
    level: list[Any] = [call]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value) if isinstance(inner, dict | list)]
        if not level:
            return None
    return f"the call is nested more than {MAX_DEPTH} levels deep: flatten its properties, traits or context"


def message_id_is_short(call: Call) -> str | None:
    given = call.get("messageId")
    if given is None or (isinstance(given, str) and len(given) <= MAX_MESSAGE_ID):
        return None
    return f"messageId must be a string of at most {MAX_MESSAGE_ID} characters; leave it out to have one made"


def someone_is_named(call: Call) -> str | None:
    for name in ("userId", "anonymousId"):
        given = call.get(name)
        if given is not None and not isinstance(given, str):
            return f"{name} must be a string"
        if given is not None and len(given.encode()) > MAX_USER_ID:
            return f"{name} must be at most {MAX_USER_ID} bytes"
    if call.get("userId") or call.get("anonymousId"):
        return None
    return "userId or anonymousId is missing: a call needs at least one of them, not empty"


def track_names_an_event(call: Call) -> str | None:
    if call["type"] != "track" or (isinstance(call.get("event"), str) and call["event"].strip()):
        return None
    return "event is missing: a track call needs the name of what happened"


def group_names_a_group(call: Call) -> str | None:
    given = call.get("groupId")
    if call["type"] != "group" and given is None:
        return None
    if not isinstance(given, str) or (call["type"] == "group" and not given):
        return "groupId is missing: a group call needs the id of the group, as a string that is not empty"
    return f"groupId must be at most {MAX_GROUP_ID} characters" if len(given) > MAX_GROUP_ID else None


def entries_are_not_too_many(call: Call) -> str | None:
    for name in ("properties", "traits"):
        count = len(call.get(name) or {})
        if count > MAX_ENTRIES:
            return f"{name} has {count} entries and may have {MAX_ENTRIES}: split them over several calls"
    return None


def timestamps_are_iso(call: Call) -> str | None:
    for name in ("timestamp", "originalTimestamp", "sentAt"):
        given = call.get(name)
        if given is not None and moment(given) is None:
            return f"{name} must be an ISO 8601 timestamp, such as 2025-03-10T09:00:00.000Z"
    return None


RULES: tuple[Rule, ...] = (
    type_is_a_method,
    objects_are_objects,
    not_nested_too_deeply,
    message_id_is_short,
    someone_is_named,
    track_names_an_event,
    group_names_a_group,
    entries_are_not_too_many,
    timestamps_are_iso,
)


def first_reason(call: Call) -> str | None:
    """Why the call is refused, or None where it keeps every rule."""
    return next((reason for rule in RULES if (reason := rule(call))), None)


def moment(given: Any) -> int | None:
    """The moment in ms that a timestamp of a client names; None where it is not ISO 8601."""
    return _moment(given) if isinstance(given, str) else None


@lru_cache(maxsize=1024)
def _moment(text: str) -> int | None:
    """Remembered, because a call's timestamp is looked at several times and a batch's on every call."""
    try:
        at = parse_iso(text)
    except (ValueError, OverflowError):
        return None
    return at if is_writable(at) else None


def is_writable(at: int) -> bool:
    """Whether a moment lies in the years 1 to 9999, which are all that ISO 8601 can write."""
    return EARLIEST <= at <= LATEST


def _inside(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value
