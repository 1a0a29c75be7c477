"""What lies below /_local: the clock, settling, the sink, faults, status, schedules (docs/contract.md, "Time and
settling"). Loopback only, and only under a loopback name, so that no page in a browser reaches it by rebinding DNS.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from personas.core.errors import InvalidInput, NotFound, PersonasError
from personas.local.engine_clock import EngineClock
from personas.local.runner import RunFailed, Runner
from personas.local.settling import NotSettled, Settling
from personas.local.sink import Failure, Sink
from personas.local.timekeeper import Timekeeper

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_SETTLE_S = 60.0
_LISTED = 100

Json = dict[str, Any]


class LocalApi:
    def __init__(
        self,
        clock: EngineClock,
        timekeeper: Timekeeper,
        settling: Settling,
        runner: Runner,
        sink: Sink,
        faults: Any,
        status: Callable[[], Awaitable[Json]],
    ) -> None:
        self._clock, self._timekeeper, self._settling = clock, timekeeper, settling
        self._runner, self._sink, self._faults, self._status = runner, sink, faults, status

    async def serve(self, http: web.Request) -> web.StreamResponse:
        host = http.host.rpartition(":")[0] or http.host
        if host not in _LOOPBACK_NAMES:
            return _answer({"message": "only for this machine"}, 403)
        path = http.match_info["path"]
        if path == "sink" or path.startswith("sink/"):
            return await self._serve_sink(http, path.removeprefix("sink"))
        try:
            return await self._dispatch(http, path)
        except InvalidInput as error:
            return _answer({"message": str(error), "field": error.field}, 400)
        except NotFound as error:
            return _answer({"message": str(error)}, 404)
        except NotSettled as error:
            return _answer({"settled": False, "pending": error.pending}, 504)
        except PersonasError as error:
            return _answer({"message": str(error)}, 500)

    async def _dispatch(self, http: web.Request, path: str) -> web.StreamResponse:
        match http.method, path.split("/"):
            case "GET", ["clock"]:
                return self._now()
            case "POST", ["clock"]:
                seconds = _number(await _body(http), "advanceSeconds", None)
                await self._timekeeper.advance(round(seconds * 1_000))
                return self._now()
            case "POST", ["settle"]:
                await self._settling.settle(_number(await _body(http), "timeoutSeconds", _SETTLE_S))
                return _answer({"settled": True})
            case "GET", ["status"]:
                return _answer(await self._status())
            case "GET", ["faults"]:
                return _answer(self._faults.to_data())
            case (("PUT" | "POST"), ["faults"]):
                self._faults.update(await _body(http))
                return _answer(self._faults.to_data())
            case "POST", ["schedules", name, "run"]:
                return await self._run(name)
            case _:
                raise NotFound(f"there is no {http.method} /_local/{path}")

    def _now(self) -> web.Response:
        moment = datetime.fromtimestamp(self._clock.now_ms() // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _answer({"now": moment, "offsetSeconds": self._clock.offset_ms // 1_000})

    async def _run(self, name: str) -> web.Response:
        try:
            return _answer({"ran": name, "tasks": await self._runner.run(name)})
        except RunFailed as error:
            return _answer({"message": f"{name}: {error}"}, 500)

    async def _serve_sink(self, http: web.Request, path: str) -> web.StreamResponse:
        """GET lists (?limit=, ?path=), DELETE forgets, POST /_fail says how to fail; everything else is kept."""
        if http.method == "GET":
            limit = int(http.query.get("limit", _LISTED))
            return _answer(self._sink.listed(limit, http.query.get("path", path)))
        if http.method == "DELETE" and not path:
            self._sink.clear()
            return _answer({"cleared": True})
        if path == "/_fail":
            try:
                self._sink.failure = Failure.of(await _body(http))
            except InvalidInput as error:
                return _answer({"message": str(error), "field": error.field}, 400)
            return _answer({"failing": self._sink.failure.to_data()})
        headers = {name.lower(): value for name, value in http.headers.items()}
        failure = self._sink.take(http.method, path, headers, await http.read(), self._clock.now_ms())
        if failure is not None:
            return web.json_response({"message": "told to fail"}, status=failure.status, headers=failure.headers)
        return _answer({"ok": True})


def _answer(body: Json, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


async def _body(http: web.Request) -> Json:
    raw = await http.read()
    try:
        body = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        raise InvalidInput("the body is not JSON") from None
    if not isinstance(body, dict):
        raise InvalidInput("the body is not a JSON object")
    return body


def _number(body: Json, field: str, default: float | None) -> float:
    value = body.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"{field} must be a number", field)
    return float(value)
