"""The Python runtime of one worker: imports the handler once, then runs one invocation at a time, as Lambda does.

Started with a socket, the handler's name and what to prepare for. It knows nothing of the engine but its frames:

    4 bytes head length, 4 bytes body length, head (JSON), body (the event, or the result, or Lambda's error)

Not imported from the package, because a worker sees only its function's own code and layers.
"""

import importlib
import io
import json
import logging
import os
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, cast

Json = dict[str, Any]
Handler = Callable[[Any, "Context"], Any]

_SIZES = struct.Struct(">II")
MAX_PAYLOAD = 6 * 1024 * 1024


class Context:
    """Lambda's context object."""

    function_version = "$LATEST"
    identity = None
    client_context = None

    def __init__(self, head: Json) -> None:
        self.aws_request_id = head["id"]
        self.function_name = head["name"]
        self.invoked_function_arn = head["arn"]
        self.memory_limit_in_mb = str(head["memory"])
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = time.monotonic() + head["timeout_ms"] / 1_000

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1_000))

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))


class InitFailed(Exception):
    def __init__(self, kind: str, message: str, trace: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.answer = {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": list(trace)}


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    name, prepare = sys.argv[2], json.loads(sys.argv[3])
    sys.argv[:] = [""]
    frames = cast(BinaryIO, channel.makefile("rwb", buffering=256 * 1024))
    _log_as_lambda()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    hooks = _hooks(prepare)
    try:
        handler = _handler(name)
    except InitFailed as failure:
        _say(failure.answer)
        _write(frames, {"ready": False}, _json(failure.answer))
        return
    clock = _clock()
    _write(frames, {"ready": True}, b"")
    while (request := _read(frames)) is not None:
        head, body = request
        if clock is not None:
            clock.read = _moved(head["offset_ns"])
        if hooks is not None:
            hooks.begin(head["faults"])
        ok, answer = _invoke(handler, head, body)
        told: Json = {"ok": ok}
        if hooks is not None:
            told["happened"] = hooks.happened()
        sys.stdout.flush()
        _write(frames, told, answer)


def _invoke(handler: Handler, head: Json, body: bytes) -> tuple[bool, bytes]:
    try:
        result = handler(json.loads(body), Context(head))
    except BaseException as error:  # noqa: BLE001 - the handler's own, whatever it is
        if isinstance(error, SystemExit):
            sys.stdout.flush()
            os._exit(error.code if isinstance(error.code, int) else 1)
        failure = _error(error, head["id"])
        _say(failure)
        return False, _json(failure)
    try:
        answer = _json(result)
    except (TypeError, ValueError) as error:
        failure = {"errorMessage": f"Unable to marshal response: {error}", "errorType": "Runtime.MarshalError"}
        _say(failure)
        return False, _json(failure | {"requestId": head["id"], "stackTrace": []})
    if len(answer) > MAX_PAYLOAD:
        message = (
            f"Response payload size ({len(answer)} bytes) exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes)."
        )
        return False, _json({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"})
    return True, answer


def _error(error: BaseException, request_id: str) -> Json:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list(own),
    }


def _handler(name: str) -> Handler:
    module, _, function = name.rpartition(".")
    try:
        imported = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise InitFailed("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}") from None
    except SyntaxError as error:
        raise InitFailed("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}") from None
    except BaseException as error:  # noqa: BLE001 - the module's own, whatever it is
        answer = _error(error, "")
        raise InitFailed(answer["errorType"], answer["errorMessage"], answer["stackTrace"]) from None
    if not callable(getattr(imported, function, None)):
        raise InitFailed("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module}'")
    return cast(Handler, getattr(imported, function))


def _clock() -> Any:
    """The clock that the engine moves, for functions that have it."""
    try:
        return importlib.import_module("personas.clock")
    except ImportError:
        return None


def _moved(offset_ns: int) -> Callable[[], int]:
    return lambda: time.time_ns() + offset_ns


def _hooks(prepare: Json) -> Any:
    if not prepare:
        return None
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        hooks = importlib.import_module("personas_worker_hooks")
    finally:
        del sys.path[0]
    return hooks.Hooks(prepare)


def _log_as_lambda() -> None:
    cast(io.TextIOWrapper, sys.stdout).reconfigure(line_buffering=True)
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)


def _say(answer: Json) -> None:
    trace = "".join(answer.get("stackTrace", ()))
    print(f"[ERROR] {answer['errorType']}: {answer['errorMessage']}\n{trace}", flush=True)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _read(frames: BinaryIO) -> tuple[Json, bytes] | None:
    sizes = frames.read(_SIZES.size)
    if len(sizes) < _SIZES.size:
        return None
    head, body = _SIZES.unpack(sizes)
    return json.loads(frames.read(head)), frames.read(body)


def _write(frames: BinaryIO, head: Json, body: bytes) -> None:
    header = json.dumps(head).encode()
    frames.write(_SIZES.pack(len(header), len(body)))
    frames.write(header)
    frames.write(body)
    frames.flush()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
