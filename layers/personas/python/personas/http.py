"""The edge of every HTTP function: API Gateway's payload (format 2.0) in, an answer out, errors mapped to statuses.

A surface is its routes and the shape of its error bodies; everything else is the same for all.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from aws_lambda_powertools import Logger

from personas.core.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PersonasError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

log = Logger(service="http")

STATUSES: tuple[tuple[type[PersonasError], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (InvalidInput, 400),
    (Unavailable, 503),
)
"""Which error becomes which status: the first class that fits. Anything else is ours to mend: 500."""

RETRY_AFTER_SECONDS = 2


class MethodNotAllowed(InvalidInput):
    """The path exists, and does not take this method."""


class UnsupportedBody(InvalidInput):
    """The body is not encoded as its headers say."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    """Decoded, as HTTP APIs give it: an encoded slash within a part has become a slash like any other."""
    headers: dict[str, str]
    query: dict[str, str]
    id: str
    raw: str
    encoded: bool

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Request":
        context = event["requestContext"]
        return cls(
            method=context["http"]["method"].upper(),
            path=event["rawPath"],
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            query=event.get("queryStringParameters") or {},
            id=context.get("requestId", ""),
            raw=event.get("body") or "",
            encoded=bool(event.get("isBase64Encoded")),
        )

    def body(self, limit: int) -> bytes:
        """The body, decoded and inflated; of a larger one than `limit` bytes, `limit` + 1 (so a bomb stays small)."""
        try:
            body = base64.b64decode(self.raw) if self.encoded else self.raw.encode()
            match self.headers.get("content-encoding", "identity").lower():
                case "identity" | "":
                    return body
                case "gzip" | "x-gzip":
                    return _inflated(body, limit + 1)
                case other:
                    raise UnsupportedBody(f"Content-Encoding {other} is not supported: send gzip or nothing")
        except (binascii.Error, zlib.error, UnicodeEncodeError):
            raise UnsupportedBody("the body is not what its headers say (base64, gzip)") from None

    @cached_property
    def basic_user(self) -> str | None:
        """The user name of `Authorization: Basic`, or None."""
        encoded = self._authorization("basic")
        if encoded is None:
            return None
        try:
            return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            raise Unauthenticated("the Authorization header is not valid Basic authentication") from None

    @cached_property
    def bearer(self) -> str | None:
        return self._authorization("bearer")

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most` of the query string; raises InvalidInput."""
        text = self.query.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= most:
            raise InvalidInput(f"{name} must be a whole number from 1 to {most}", name)
        return int(text)

    def _authorization(self, scheme: str) -> str | None:
        name, _, credentials = self.headers.get("authorization", "").strip().partition(" ")
        return credentials.strip() if name.lower() == scheme else None


@dataclass(frozen=True, slots=True)
class Answer:
    body: Any
    status: int = 200
    headers: dict[str, str] | None = None

    def to_gateway(self) -> dict[str, Any]:
        headers = {"content-type": "application/json", **(self.headers or {})}
        return {"statusCode": self.status, "headers": headers, "body": orjson.dumps(self.body).decode()}


Handler = Callable[..., Answer]
"""Takes the request and the named parts of its path."""


class Routes:
    """Methods and paths such as `/spaces/{space}/sources`, and the functions behind them. `{+rest}` takes slashes."""

    def __init__(self, *routes: tuple[str, str, Handler]) -> None:
        self._routes = [(method, _pattern(path), handler) for method, path, handler in routes]

    def find(self, request: Request) -> tuple[Handler, dict[str, str]]:
        """Raises NotFound, or MethodNotAllowed."""
        path_known = False
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(request.path.rstrip("/") or "/")
            if found and method == request.method:
                return handler, found.groupdict()
            path_known = path_known or bool(found)
        if path_known:
            raise MethodNotAllowed(f"{request.path} does not take {request.method}")
        raise NotFound(f"there is no {request.path}")


def status_of(error: Exception) -> int:
    if isinstance(error, MethodNotAllowed):
        return 405
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def serve(
    event: dict[str, Any],
    routes: Routes,
    refused: Callable[[Exception, int], Any],
    guard: Callable[[Request], None] | None = None,
) -> dict[str, Any]:
    """The answer for API Gateway.

    `refused` gives the surface's error body for an error and its status; `guard` raises where the request may not pass.
    """
    request = Request.of(event)
    try:
        if guard:
            guard(request)
        handler, parts = routes.find(request)
        answer = handler(request, **parts)
    except Exception as error:  # noqa: BLE001 - the client gets an answer whatever happened; the log has the rest
        answer = _failed(error, request, refused)
    with_id = {"request-id": request.id, **(answer.headers or {})}
    return Answer(answer.body, answer.status, with_id).to_gateway()


def _failed(error: Exception, request: Request, refused: Callable[[Exception, int], Any]) -> Answer:
    status = status_of(error)
    if status >= 500:
        log.exception("request failed", request_id=request.id, method=request.method)
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if status == 503 else None
    return Answer(refused(error, status), status, headers)


def message_of(error: Exception, status: int) -> str:
    """What a caller may read: our own errors explain themselves, others stay inside."""
    return str(error) if isinstance(error, PersonasError) and status != 500 else "something went wrong on our side"


def _inflated(body: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    inflated = inflater.decompress(body, most)
    if not inflater.eof and len(inflated) < most:
        raise zlib.error("truncated")
    return inflated


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\+?)(\w+)\}", lambda part: f"(?P<{part[2]}>{'.+' if part[1] else '[^/]+'})", path))
