"""HTTP as Lambda sees it: the event of payload format 2.0 for a request, and the response that a result stands for.

API Gateway's own habits are kept: the path arrives decoded and the query string as it came, headers are lower-cased and
joined with commas, cookies are a list of their own, and a body that is not text (or is compressed) comes in base64.
"""

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from personas.core.errors import PersonasError
from personas.local.routes import Route

_HOP_BY_HOP = frozenset({"connection", "cookie", "expect", "keep-alive", "te", "transfer-encoding", "upgrade"})
_TEXT = ("text/", "application/json", "application/xml", "application/javascript")


class MalformedResponse(PersonasError):
    """The function's result is not a response; API Gateway answers 500."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    raw_path: str
    """Still encoded, without the query string."""
    raw_query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name]
        return ",".join(found) if found else None


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: dict[str, str]
    cookies: tuple[str, ...]
    body: bytes


def event(
    request: Request, route: Route, parameters: Mapping[str, str], now_ms: int, authorizer: Mapping[str, Any] | None
) -> dict[str, Any]:
    headers = _headers(request)
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": unquote(request.raw_path),
        "rawQueryString": request.raw_query,
    }
    if cookies := _cookies(request):
        made["cookies"] = cookies
    made["headers"] = headers
    if query := query_parameters(request.raw_query):
        made["queryStringParameters"] = query
    made["requestContext"] = _context(request, route, headers, now_ms)
    if authorizer is not None:
        made["requestContext"]["authorizer"] = {"lambda": authorizer}
    if parameters:
        made["pathParameters"] = dict(parameters)
    made["isBase64Encoded"] = False
    if request.body:
        made["body"], made["isBase64Encoded"] = _body(request.body, headers)
    return made


def query_parameters(raw_query: str) -> dict[str, str]:
    """Decoded; values of one name are joined with commas.

    >>> query_parameters("a=1&b=x%20y&a=2&flag")
    {'a': '1,2', 'b': 'x y', 'flag': ''}
    """
    return _joined(parse_qsl(raw_query, keep_blank_values=True))


def response(payload: bytes) -> Response:
    """What a function's result stands for: the full form, or the shorthand of a bare value.

    >>> response(b'{"statusCode": 201, "body": "made"}').status, response(b'{"ok": true}').body
    (201, b'{"ok":true}')
    """
    try:
        result = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise MalformedResponse("the function did not answer with JSON") from None
    if not isinstance(result, dict) or "statusCode" not in result:
        bare = result.encode() if isinstance(result, str) else orjson.dumps(result)
        return Response(200, {"content-type": "application/json"}, (), bare)
    status, headers = result["statusCode"], result.get("headers") or {}
    body, cookies = result.get("body"), result.get("cookies") or []
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise MalformedResponse(f"statusCode is {status!r}")
    if not isinstance(headers, dict) or not isinstance(cookies, list) or not isinstance(body, str | None):
        raise MalformedResponse("headers must be an object, cookies a list and body a string")
    lowered = {str(key).lower(): _header_value(value) for key, value in headers.items()}
    lowered.setdefault("content-type", "text/plain;charset=UTF-8")
    content = (body or "").encode()
    if result.get("isBase64Encoded"):
        content = base64.b64decode(content)
    return Response(status, lowered, tuple(str(cookie) for cookie in cookies), content)


def _header_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _headers(request: Request) -> dict[str, str]:
    named = ((key.lower(), value) for key, value in request.headers)
    headers = _joined((key, value) for key, value in named if key not in _HOP_BY_HOP)
    headers.setdefault("content-length", str(len(request.body)))
    headers["x-amzn-trace-id"] = f"Root=1-{secrets.token_hex(4)}-{secrets.token_hex(12)}"
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{forwarded}, {request.source_ip}" if forwarded else request.source_ip
    host = headers.get("host", "")
    headers["x-forwarded-port"] = host.rpartition(":")[2] if ":" in host else "80"
    headers["x-forwarded-proto"] = "http"
    return headers


def _cookies(request: Request) -> list[str]:
    raw = [value for key, value in request.headers if key.lower() == "cookie"]
    return [cookie.strip() for value in raw for cookie in value.split(";") if cookie.strip()]


def _context(request: Request, route: Route, headers: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    host = headers.get("host", "127.0.0.1")
    request_id = secrets.token_urlsafe(11)
    return {
        "accountId": "000000000000",
        "apiId": route.api,
        "domainName": host,
        "domainPrefix": host.split(".")[0],
        "http": {
            "method": request.method,
            "path": unquote(request.raw_path),
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": route.key,
        "stage": route.stage,
        "time": datetime.fromtimestamp(now_ms / 1_000, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": now_ms,
    }


def _body(body: bytes, headers: Mapping[str, str]) -> tuple[str, bool]:
    kind = headers.get("content-type", "application/json").lower()
    if kind.startswith(_TEXT) and headers.get("content-encoding", "identity") == "identity":
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs:
        found[key] = f"{found[key]},{value}" if key in found else value
    return found
