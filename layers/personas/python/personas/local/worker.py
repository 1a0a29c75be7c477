"""One worker process of a function: what Lambda calls an execution environment. One invocation at a time.

The child has the function's own environment and nothing of the engine's; what its handler prints goes to the function's
log file, and frames go over a socket of their own (runtime/bootstrap.py says how).
"""

import asyncio
import os
import shutil
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from personas.core.errors import PersonasError
from personas.local import children
from personas.local.functions import Function

_SIZES = struct.Struct(">II")
_RUNTIME = Path(__file__).parent / "runtime"
_GONE = (asyncio.IncompleteReadError, ConnectionError)
INIT_PATIENCE_S = 60.0


class WorkerExited(PersonasError):
    """The process ended in the middle of an invocation, or before the first."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class InitFailed:
    """The handler could not be loaded; the body is Lambda's error."""

    body: bytes


class Worker:
    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        generation: int,
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self.generation = generation

    @classmethod
    async def spawn(
        cls, function: Function, environment: Mapping[str, str], log: Path, generation: int, prepare: Mapping[str, Any]
    ) -> "Worker":
        ours, theirs = socket.socketpair()
        channel = str(theirs.fileno())
        with theirs, log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *_command(function, channel, prepare),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                cwd=function.code,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                preexec_fn=children.dies_with_parent(signal.SIGKILL),
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        return cls(process, reader, writer, generation)

    async def ready(self) -> InitFailed | None:
        """Wait until the handler is loaded. Raises WorkerExited."""
        head, body = await self._receive()
        return None if head["ready"] else InitFailed(body)

    async def call(self, head: Mapping[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Run one invocation. Raises WorkerExited."""
        header = orjson.dumps(head)
        self._writer.write(_SIZES.pack(len(header), len(body)) + header)
        self._writer.write(body)
        try:
            await self._writer.drain()
        except ConnectionError:
            raise await self._exited() from None
        return await self._receive()

    async def end(self, patience_s: float = 2.0) -> None:
        """Close its channel, on which an idle worker ends by itself."""
        self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), patience_s)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        self._writer.close()
        if self._process.returncode is None:
            try:
                self._process.kill()
            except ProcessLookupError:
                return
            await self._process.wait()

    async def _receive(self) -> tuple[dict[str, Any], bytes]:
        try:
            head, body = _SIZES.unpack(await self._reader.readexactly(_SIZES.size))
            return orjson.loads(await self._reader.readexactly(head)), await self._reader.readexactly(body)
        except _GONE:
            raise await self._exited() from None

    async def _exited(self) -> WorkerExited:
        self._writer.close()
        return WorkerExited(await self._process.wait())


def environment(function: Function, *, region: str, aws_endpoint: str, engine_endpoint: str) -> dict[str, str]:
    """The whole environment of a function's worker: the function's own, and what Lambda sets."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "HOME": "/tmp",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ENDPOINT_URL_KINESIS": engine_endpoint,
        "AWS_ENDPOINT_URL_LAMBDA": engine_endpoint,
        "AWS_ENDPOINT_URL_SFN": engine_endpoint,
        "AWS_SDK_UA_APP_ID": function.name,  # by which the Kinesis endpoint knows who puts records
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "LAMBDA_TASK_ROOT": str(function.code),
        "_HANDLER": function.handler,
        **_module_path(function),
        **function.environment,
    }


def _module_path(function: Function) -> dict[str, str]:
    if function.runtime.startswith("nodejs"):
        return {"NODE_PATH": os.pathsep.join(str(layer / "nodejs" / "node_modules") for layer in function.layers)}
    return {"PYTHONPATH": os.pathsep.join(str(layer / "python") for layer in function.layers)}


def _command(function: Function, channel: str, prepare: Mapping[str, Any]) -> list[str]:
    if function.runtime.startswith("nodejs"):
        return [shutil.which("node") or "node", str(_RUNTIME / "bootstrap.mjs"), channel, function.handler]
    arguments = [channel, function.handler, orjson.dumps(prepare).decode()]
    return [sys.executable, "-P", str(_RUNTIME / "bootstrap.py"), *arguments]
