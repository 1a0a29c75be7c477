"""What has to be so before the engine starts. Each failure is one line that says what to do."""

import fcntl
import shutil
import socket
import subprocess
from pathlib import Path
from typing import IO

from personas.core.errors import PersonasError
from personas.local import checkout

MIN_NODE = 20


class CannotStart(PersonasError):
    """The machine lacks something; the message says what, and what to do."""


def node() -> None:
    """Node synthesizes the CDK app and runs `deliver`."""
    command = shutil.which("node")
    if command is None:
        raise CannotStart("Node 20 or newer is needed and there is none: install it (nodejs.org) and run again.")
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = version.removeprefix("v").split(".")[0]
    if not major.isdigit() or int(major) < MIN_NODE:
        raise CannotStart(f"Node 20 or newer is needed, this is {version or 'unknown'}: update it and run again.")


def port(number: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            raise CannotStart(
                f"Port {number} is taken: stop what listens there, or choose another with --port "
                f'(make run ARGS="--port {number + 1}").'
            ) from None


def environments() -> None:
    if not checkout.emulator().exists():
        raise CannotStart(f"{checkout.emulator()} is missing: run `make setup`.")
    if not (checkout.ROOT / "functions" / "deliver" / "node_modules").exists():
        raise CannotStart("functions/deliver/node_modules is missing: run `make setup`.")


def alone(state: Path) -> IO[str]:
    """Hold the state for this engine alone, until the returned file is closed (the kernel does so if it dies)."""
    state.mkdir(parents=True, exist_ok=True)
    lock = (state / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CannotStart(f"Another engine runs on {state}: stop it, or choose another folder with --state.") from None
    return lock
