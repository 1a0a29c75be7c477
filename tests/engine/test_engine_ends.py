"""However the engine ends: stopped, stopped half started, or killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from personas.local.template import UnusableTemplate
from tests.engine.machine import Machine, asynchronous

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.engine.machine import Machine

async def main():
    machine = Machine(Path(sys.argv[1])).stream().function("fn", "recording.handle").function("world", "plain.world")
    async with machine.mapping("fn", MaximumRetryAttempts=-1, BatchSize=2):
        await machine.put("1", "2")
        await machine.settle()
        world, _ = await machine.invoke("world")
        print(world["pid"])
        await machine.put("bad", "4", "5")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@asynchronous
async def test_a_killed_engine_loses_no_acknowledged_record_no_checkpoint_and_leaves_no_worker(tmp_path: Path) -> None:
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", KILLED, str(tmp_path)],
        capture_output=True,
        text=True,
        env=_environment(),
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert _ends(int(killed.stdout))
    machine = Machine(tmp_path).stream().function("fn", "recording.handle")
    machine.seen_file.unlink()
    async with machine.mapping("fn", MaximumRetryAttempts=0, BisectBatchOnFunctionError=True, BatchSize=2):
        await machine.settle()
    assert machine.seen() == [["bad", "4"], ["bad"], ["4"], ["5"]]


@asynchronous
async def test_an_engine_that_could_not_start_stops_what_it_had_started(tmp_path: Path) -> None:
    machine = Machine(tmp_path).stream().mapping("nobody")
    with pytest.raises(UnusableTemplate, match="there is no function nobody"):
        await machine.__aenter__()
    await machine.engine.stop()
    async with Machine(tmp_path).stream():
        pass


@asynchronous
async def test_a_stop_waits_for_invocations_and_ends_every_worker(tmp_path: Path) -> None:
    async with Machine(tmp_path).function("sleeps", "plain.sleeps").function("world", "plain.world") as machine:
        world, _ = await machine.invoke("world")
        asleep = asyncio.create_task(machine.invoke("sleeps", {"seconds": 0.5}))
        await asyncio.sleep(0.1)
    assert (await asleep)[0] == "awake"
    assert _ends(world["pid"])


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
