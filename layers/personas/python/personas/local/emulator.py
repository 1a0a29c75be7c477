"""ministack as the engine's child: the AWS API plane (DynamoDB, S3, SQS, Secrets Manager, KMS) behind boto3.

It writes its state when it is told to stop, so it is always told (children.py) and waited for.
"""

import asyncio
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

from personas.core.errors import PersonasError
from personas.local import children

_SERVICES = "dynamodb,dynamodbstreams,s3,sqs,secretsmanager,kms,sns,logs,sts,iam,ssm,cloudwatch,glue"
START_PATIENCE_S = 60.0
SAVE_PATIENCE_S = 60.0


class EmulatorDidNotStart(PersonasError):
    """ministack ended or stayed silent; the message names its log."""


class EmulatorEnded(PersonasError):
    """ministack is gone while the engine runs; what it had not saved is lost."""


class Emulator:
    def __init__(self, command: Path, state: Path, log: Path, port: int | None = None) -> None:
        self._command, self._state, self._log = command, state, log
        self.port = port or children.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def start(self) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        pid_file = self._state / "pid"
        await asyncio.to_thread(children.stop_leftover, pid_file, "ministack")
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(self._command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
                preexec_fn=children.dies_with_parent(signal.SIGTERM),
            )
        pid_file.write_text(str(self._process.pid))
        await self._ready()

    async def ended(self) -> None:
        """Raises when ministack ends without having been told to."""
        assert self._process is not None
        status = await self._process.wait()
        if not self._stopping:
            raise EmulatorEnded(f"ministack ended by itself with status {status}; see {self._log}")

    async def stop(self) -> None:
        """Returns once the state is on disk."""
        self._stopping = True
        if self._process is not None:
            await children.stop(self._process, SAVE_PATIENCE_S)
            (self._state / "pid").unlink(missing_ok=True)

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MINISTACK_", "PYTHON"))}
        return kept | {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._state / "s3"),
            "SERVICES": _SERVICES,
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "DOCKER_HOST": "unix:///nonexistent",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    async def _ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < deadline:
            if self._process.returncode is not None:
                raise EmulatorDidNotStart(f"ministack ended with status {self._process.returncode}; see {self._log}")
            if await asyncio.to_thread(_answers, f"{self.url}/_ministack/health"):
                return
            await asyncio.sleep(0.05)
        raise EmulatorDidNotStart(f"ministack did not answer within {START_PATIENCE_S:.0f} s; see {self._log}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
