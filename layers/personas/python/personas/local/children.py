"""Child processes that cannot outlive the engine, and that a Ctrl-C in the terminal does not reach before it says so.

Each child leads a session of its own (the terminal's SIGINT goes to the engine alone, which stops everything in the
right order) and asks the kernel for a signal should the engine die (Linux; elsewhere a killed engine's children are
found by `stop_leftover` at the next start).
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def dies_with_parent(death_signal: int = signal.SIGTERM) -> Callable[[], None] | None:
    """A `preexec_fn`. The signal also comes if the engine died before the child could ask for it."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)  # before the fork: loading a library after it may deadlock
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:
            os.kill(os.getpid(), death_signal)

    return ask


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def stop(process: asyncio.subprocess.Process, patience_s: float) -> bool:
    """SIGTERM, and SIGKILL when patience is over. True if the child went by itself."""
    if process.returncode is not None:
        return True
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), patience_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return False
    return True


def stop_leftover(pid_file: Path, marker: str, patience_s: float = 20.0) -> None:
    """End a child of an earlier engine that was killed, known by its pid file and a word of its command line."""
    import time

    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (OSError, ValueError):
        return
    if marker in command:
        deadline = time.monotonic() + patience_s
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
                time.sleep(0.05)
    pid_file.unlink(missing_ok=True)
