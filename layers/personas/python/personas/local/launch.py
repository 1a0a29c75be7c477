"""Starts an engine as a process of its own, for tests and benchmarks: an empty space, its own state and port.

Leaving the context stops it with SIGTERM, as Ctrl-C would, and waits until everything that it started has stopped.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

READY_SECONDS = 120
STOP_SECONDS = 60


class EngineDidNotStart(RuntimeError):
    """`personas up` ended, or did not answer in time; the message ends with the tail of its output."""


class EngineDidNotSettle(RuntimeError):
    """Something was not worked off in time; the message says what."""


@dataclass(slots=True)
class LaunchedEngine:
    state: Path
    port: int = 0
    arguments: tuple[str, ...] = ("--empty",)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> "LaunchedEngine":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def facts(self) -> dict[str, Any]:
        """What the engine wrote into local.json."""
        facts: dict[str, Any] = json.loads((self.state / "local.json").read_text())
        return facts

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.port = self.port or _free_port()
        self.state.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "personas.local.cli", "up", "--port", str(self.port)]
        command += ["--state", str(self.state), *self.arguments]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=dict(os.environ))
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EngineDidNotStart(self._log.read_text(errors="replace")[-4_000:])
            time.sleep(0.1)

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        if self._process is None:
            return
        self._process.send_signal(with_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def settle(self, seconds: int = 60) -> None:
        answer = requests.post(f"{self.base_url}/_local/settle", json={"timeoutSeconds": seconds}, timeout=seconds + 30)
        answer.raise_for_status()

    @property
    def _log(self) -> Path:
        return self.state / "engine.log"

    def _answers(self) -> bool:
        if not (self.state / "local.json").exists():
            return False
        try:
            return requests.get(f"{self.base_url}/_local/clock", timeout=2).ok
        except requests.RequestException:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
