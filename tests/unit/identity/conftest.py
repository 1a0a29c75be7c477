"""The world of identity over the emulator: a process of its own, as only that is right when several write at once."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from itertools import count

import pytest

from personas.local import checkout
from tests.unit.identity import identity_world

PATIENCE_S = 60
_runs = count(1)


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "PERSIST_STATE": "0", "LOG_LEVEL": "ERROR"}
    process = subprocess.Popen(
        [checkout.emulator()], env={**os.environ, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}/_ministack/health")
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def cloud(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Tables, a stream and a bucket of the test's own. Gives the URL."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    environment = identity_world.settings(f"identity{next(_runs)}")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    identity_world.stand_still(monkeypatch)
    identity_world.build(environment)
    yield aws_url
    identity_world.forget()


def _wait(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(url)
