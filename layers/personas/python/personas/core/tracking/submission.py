"""A submission is one request of the Tracking API: one call, or a batch with what its calls share.

>>> read("t", b'{"userId": "u1", "event": "Signed Up", "writeKey": "k"}').calls
({'userId': 'u1', 'event': 'Signed Up', 'type': 'track'},)
"""

from dataclasses import dataclass
from typing import Any

import orjson

from personas.core.errors import InvalidInput, NotFound, TooLarge

METHODS = ("identify", "track", "page", "screen", "group", "alias")
SHORT_FORMS = {"i": "identify", "t": "track", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": "batch"}
BATCHES = ("batch", "import")

MAX_EVENT = 32 * 1024
MAX_BATCH = 500 * 1024
MAX_SPREAD = 4 * 1024 * 1024
"""Bytes that a batch may come to once what its calls share is on each of them."""


@dataclass(frozen=True, slots=True)
class Submission:
    calls: tuple[Any, ...]
    """As sent: nothing says yet that they are objects. With what they share, without the write key."""
    sizes: tuple[int, ...]
    """Bytes of each call."""
    write_key: str | None
    sent_at: Any = None
    historical: bool = False
    """An import of the past: timestamps are taken as they are, whatever the client's clock said."""


def is_batch(call: str) -> bool:
    """Whether `call`, the last part of the path, takes a batch."""
    return SHORT_FORMS.get(call, call) in BATCHES


def read(call: str, body: bytes) -> Submission:
    """Raises NotFound for another call than the API has, InvalidInput for no JSON object, TooLarge."""
    name = SHORT_FORMS.get(call, call)
    if name not in METHODS and name not in BATCHES:
        raise NotFound(f"/v1/{call} is none of /v1/{{{','.join((*METHODS, *BATCHES))}}}")
    if len(body) > MAX_BATCH:
        raise _too_large(name)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidInput("the body must be a JSON object")
    write_key = found.pop("writeKey", None)
    write_key = write_key if isinstance(write_key, str) else None
    if name in METHODS:
        return Submission(({**found, "type": name},), (len(body),), write_key, found.get("sentAt"))
    return _batch(found, write_key, historical=name == "import")


def _batch(found: dict[str, Any], write_key: str | None, *, historical: bool) -> Submission:
    calls = found.get("batch")
    if not isinstance(calls, list):
        raise InvalidInput("batch must be a list of calls", "batch")
    shared = {name: found[name] for name in ("context", "integrations") if isinstance(found.get(name), dict)}
    if len(calls) * len(orjson.dumps(shared)) > MAX_SPREAD:
        raise TooLarge(f"the batch's context, put on each of its {len(calls)} calls, comes to more than {MAX_SPREAD} B")
    sizes = tuple(_size(call) for call in calls)
    return Submission(tuple(_with(shared, call) for call in calls), sizes, write_key, found.get("sentAt"), historical)


def _with(shared: dict[str, dict[str, Any]], call: Any) -> Any:
    """The call with what the batch shares; where both say something, the call's own word stands."""
    if not isinstance(call, dict):
        return call
    call.pop("writeKey", None)
    for name, values in shared.items():
        own = call.get(name)
        if own is None or isinstance(own, dict):
            call[name] = {**values, **(own or {})}
    return call


def _size(call: Any) -> int:
    try:
        return len(orjson.dumps(call))
    except orjson.JSONEncodeError:  # nested more deeply than can be written again
        return MAX_BATCH


def _too_large(name: str) -> InvalidInput | TooLarge:
    if name in METHODS:
        return InvalidInput(f"a call must be at most {MAX_EVENT} bytes (32 KB)")
    return TooLarge(f"a batch must be at most {MAX_BATCH} bytes (500 KB): send fewer calls at a time")
