"""The HTTP front: every API of the template on one loopback origin, and the engine's own paths below /_local."""

import logging
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from personas.core.errors import Forbidden, PersonasError, TooLarge, Unauthenticated
from personas.local.authorizers import Authorizers
from personas.local.engine_clock import EngineClock
from personas.local.http_event import Request, event, response
from personas.local.invocation import Invoke
from personas.local.routes import Cors, Route, Routes

MAX_BODY = 10 * 1024 * 1024
"""API Gateway's limit on a request's payload."""

_INTERNAL = {"message": "Internal Server Error"}
_log = logging.getLogger("personas.front")


class Front:
    def __init__(self, routes: Routes, invoke: Invoke, authorizers: Authorizers, clock: EngineClock) -> None:
        self._routes, self._invoke, self._authorizers, self._clock = routes, invoke, authorizers, clock
        self._runner: web.AppRunner | None = None

    async def start(self, port: int, local: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
        """Listen on loopback. `local` serves what lies below /_local. Raises OSError when the port is taken."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/_local/{path:.*}", local)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(
            app, access_log=None, auto_decompress=False, handle_signals=False, shutdown_timeout=20
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, backlog=1024).start()

    async def stop(self) -> None:
        """Take no more requests, and wait for those that are being served."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        if http.method == "OPTIONS" and (answer := self._preflight(http)) is not None:
            return answer
        return await self._route(http)

    async def _route(self, http: web.Request) -> web.Response:
        path = http.raw_path.split("?", 1)[0]
        found = self._routes.match(http.method, path)
        if found is None:
            return _answer(404, {"message": "Not Found"})
        route, parameters = found
        try:
            request = await _request(http, path)
            answer = await self._integrate(route, parameters, request)
        except TooLarge:
            answer = _answer(413, {"message": "Request Entity Too Large"})
        except Unauthenticated:
            answer = _answer(401, {"message": "Unauthorized"})
        except Forbidden:
            answer = _answer(403, {"message": "Forbidden"})
        except PersonasError as error:
            _log.error("%s: %s", route.key, error)
            answer = _answer(500, _INTERNAL)
        if route.cors is not None:
            _let_in(answer, route.cors, http)
        return answer

    async def _integrate(self, route: Route, parameters: dict[str, str], request: Request) -> web.Response:
        made = event(request, route, parameters, self._clock.now_ms(), None)
        context = await self._authorizers.authorize(route, request, made)
        if context is not None:
            made["requestContext"]["authorizer"] = {"lambda": dict(context)}
        result = await self._invoke(route.function, orjson.dumps(made))
        if result.timed_out:
            return _answer(503, {"message": "Service Unavailable"})
        if result.error is not None:
            _log.error("%s: %s failed: %s", route.key, route.function, result.payload[:2_000].decode(errors="replace"))
            return _answer(500, _INTERNAL)
        given = response(result.payload)
        answer = web.Response(status=given.status, body=given.body)
        for name, value in given.headers.items():
            answer.headers[name] = value
        for cookie in given.cookies:
            answer.headers.add("set-cookie", cookie)
        return answer

    def _preflight(self, http: web.Request) -> web.Response | None:
        """API Gateway's own answer to OPTIONS, where the API asked for has CORS settings."""
        origin = http.headers.get("origin")
        cors = self._routes.cors(http.headers.get("access-control-request-method"), http.raw_path.split("?", 1)[0])
        if cors is None:
            return None
        return web.Response(status=204, headers=cors.preflight_headers(origin or ""))


async def _request(http: web.Request, path: str) -> Request:
    try:
        body = await http.read()
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"the request is larger than {MAX_BODY} bytes") from None
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in http.raw_headers)
    query = http.raw_path.partition("?")[2]
    return Request(http.method, path, query, headers, body, http.remote or "127.0.0.1")


def _answer(status: int, body: object) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def _let_in(answer: web.Response, cors: Cors, http: web.Request) -> None:
    """API Gateway replaces whatever CORS headers the integration set by those of its own settings."""
    for name in [name for name in answer.headers if name.lower().startswith("access-control-")]:
        del answer.headers[name]
    if origin := http.headers.get("origin"):
        answer.headers.update(cors.headers_for(origin))
