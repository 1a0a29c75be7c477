"""What all calls of the Control API share: who may call, how bodies are read, and the shape of answers and errors."""

import base64
import binascii
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from personas.core.errors import Forbidden, InvalidInput, PersonasError, Unauthenticated
from personas.core.workspace import Space
from personas.http import Answer, Request, message_of
from personas.stores import spaces, workspace_token

MAX_BODY = 1024 * 1024
MAX_PAGE = 200

BODY = ConfigDict(alias_generator=to_camel, populate_by_name=True, str_strip_whitespace=False)
"""Bodies are camelCase; fields that we do not know are passed over, as a client of Segment's may send them."""

_TYPES = {400: "bad-request", 401: "unauthorized", 403: "forbidden", 404: "not-found", 409: "conflict"}

Body = TypeVar("Body")
Entry = TypeVar("Entry")


class InvalidBody(InvalidInput):
    """The body does not have the fields that the call takes; `problems` are (field, message)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in problems), problems[0][0])
        self.problems = problems


def guard(request: Request) -> None:
    """Lets through who holds the workspace token; spaces are part of the business plan."""
    if request.bearer is None or not workspace_token.holds(request.bearer):
        raise Unauthenticated("send the workspace token as Authorization: Bearer")
    if request.path.startswith("/spaces") and os.environ.get("WORKSPACE_PLAN") != "business":
        raise Forbidden("spaces need the workspace's business plan")


def space_of(id_or_slug: str) -> Space:
    """Raises NotFound."""
    return spaces.find(id_or_slug)


def body_of(request: Request, adapter: TypeAdapter[Body]) -> Body:
    """The body as the adapter reads it. Raises InvalidBody, with every problem and its field."""
    text = request.body(MAX_BODY)
    if len(text) > MAX_BODY:
        raise InvalidInput(f"the body must be at most {MAX_BODY} bytes")
    try:
        return adapter.validate_json(text or b"{}")
    except ValidationError as error:
        problems = [(".".join(map(str, problem["loc"])), problem["msg"]) for problem in error.errors()]
        raise InvalidBody([(field or "body", message) for field, message in problems]) from None


def data(**entries: Any) -> Answer:
    return Answer({"data": entries})


def page_of(request: Request, name: str, entries: Iterable[Entry], show: Callable[[Entry], Any]) -> Answer:
    """One page of a list, with Segment's pagination: `pagination.count` and `pagination.cursor` of the query string."""
    return page_of_all(request, name, entries, lambda page: [show(entry) for entry in page])


def page_of_all(
    request: Request, name: str, entries: Iterable[Entry], show: Callable[[Sequence[Entry]], list[Any]]
) -> Answer:
    """As `page_of`, where the entries of a page are looked up together."""
    found = list(entries)
    count = _count(request)
    start = _offset(_parameter(request, "cursor"))
    pagination = {
        "current": _cursor(start),
        "next": _cursor(start + count) if start + count < len(found) else None,
        "previous": _cursor(max(0, start - count)) if start else None,
        "totalEntries": len(found),
    }
    return data(**{name: show(found[start : start + count])}, pagination=pagination)


def error_body(error: Exception, status: int) -> dict[str, Any]:
    kind = _TYPES.get(status, "bad-request" if status < 500 else "internal")
    if isinstance(error, InvalidBody):
        return {"errors": [{"type": kind, "message": message, "field": field} for field, message in error.problems]}
    entry = {"type": kind, "message": message_of(error, status)}
    field = getattr(error, "field", None) if isinstance(error, PersonasError) else None
    return {"errors": [{**entry, "field": field} if field else entry]}


def _parameter(request: Request, name: str) -> str | None:
    return request.query.get(f"pagination.{name}") or request.query.get(f"pagination[{name}]")


def _count(request: Request) -> int:
    text = _parameter(request, "count") or str(MAX_PAGE)
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= MAX_PAGE:
        raise InvalidInput(f"pagination.count must be a whole number from 1 to {MAX_PAGE}", "pagination.count")
    return int(text)


def _cursor(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode()


def _offset(cursor: str | None) -> int:
    try:
        offset = int(base64.b64decode(cursor, validate=True)) if cursor else 0
    except (binascii.Error, ValueError):
        offset = -1
    if offset < 0:
        raise InvalidInput("pagination.cursor is none that this list gave", "pagination.cursor")
    return offset
