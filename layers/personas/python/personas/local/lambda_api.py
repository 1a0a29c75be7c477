"""Lambda's Invoke call over HTTP, for boto3 clients in handlers and for the workflows' interpreter."""

import secrets

import orjson
from aiohttp import web

from personas.core.errors import NotFound, TooLarge
from personas.local.workers import Workers

PATH = "/2015-03-31/functions/{name}/invocations"


class LambdaApi:
    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def serve(self, http: web.Request) -> web.Response:
        name, payload = http.match_info["name"], await http.read() or b"{}"
        kind = http.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        try:
            orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            return _refusal(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")
        try:
            match kind:
                case "RequestResponse":
                    invocation = await self._workers.invoke(name, payload)
                case "Event":
                    self._workers.invoke_later(name, payload)
                    return _response(202, b"")
                case "DryRun":
                    return _response(204, b"")
                case _:
                    return _refusal(400, "InvalidParameterValueException", f"unknown invocation type {kind}")
        except NotFound as error:
            return _refusal(404, "ResourceNotFoundException", str(error))
        except TooLarge as error:
            return _refusal(413, "RequestTooLargeException", str(error))
        answer = _response(200, invocation.payload)
        if invocation.error is not None:
            answer.headers["X-Amz-Function-Error"] = invocation.error
        return answer


def _response(status: int, body: bytes) -> web.Response:
    answer = web.Response(status=status, body=body, content_type="application/json")
    answer.headers["X-Amz-Executed-Version"] = "$LATEST"
    answer.headers["x-amzn-RequestId"] = secrets.token_hex(16)
    return answer


def _refusal(status: int, kind: str, message: str) -> web.Response:
    answer = _response(status, orjson.dumps({"Type": "User", "Message": message}))
    answer.headers["x-amzn-ErrorType"] = kind
    return answer
