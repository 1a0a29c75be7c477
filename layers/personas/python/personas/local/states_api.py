"""Step Functions' StartExecution as botocore speaks it (JSON 1.0), for handlers that start a workflow on demand."""

from typing import Any

import orjson
from aiohttp import web

from personas.local.executions import Executions, RefusedExecution

TARGET = "AWSStepFunctions."
_MAX_INPUT = 256 * 1024


class StatesApi:
    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    async def serve(self, http: web.Request) -> web.Response:
        operation = http.headers.get("X-Amz-Target", "").removeprefix(TARGET)
        try:
            if operation != "StartExecution":
                raise RefusedExecution("UnknownOperationException", f"the local engine does not serve {operation}")
            request = orjson.loads(await http.read())
            execution = self._executions.start(request["stateMachineArn"], _input(request), request.get("name"))
        except orjson.JSONDecodeError as error:
            return _answer(400, {"__type": "SerializationException", "message": str(error)})
        except RefusedExecution as error:
            return _answer(400, {"__type": error.code, "message": str(error)})
        return _answer(200, {"executionArn": execution.arn, "startDate": execution.started_ms / 1_000})


def _input(request: dict[str, Any]) -> Any:
    text = request.get("input") or "{}"
    if len(text.encode()) > _MAX_INPUT:
        raise RefusedExecution("InvalidExecutionInput", f"the input has more than {_MAX_INPUT} bytes")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RefusedExecution("InvalidExecutionInput", f"Invalid State Machine Execution Input: {error}") from error


def _answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/x-amz-json-1.0")
