"""The command line: `personas up` runs everything on this machine until Ctrl-C, `personas replay` mends what died,
`personas tables` writes a space as warehouse-ready tables."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console

from personas.core.errors import PersonasError
from personas.local import checkout, checks, children, exporting, replaying
from personas.local.play import marker
from personas.local.supervisor import Supervisor

PORT = 8787
_console = Console(stderr=False)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="personas", description="Personas on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything and serve until Ctrl-C")
    up.add_argument("--port", type=int, default=PORT, help=f"of the HTTP front, on 127.0.0.1 (default {PORT})")
    up.add_argument("--state", type=Path, default=checkout.STATE, help="where state is kept (default .personas)")
    up.add_argument("--empty", action="store_true", help="do not play the sample store")
    up.add_argument("--once", action="store_true", help="exit with status 0 after the summary")
    again = commands.add_parser("replay", help="put back what died, once its cause is mended")
    replaying.add_arguments(again)
    out = commands.add_parser("tables", help="write a space as Parquet, as Segment's Profiles Sync does")
    exporting.add_arguments(out)
    given = parser.parse_args(arguments)
    try:
        if given.command != "up":
            told = replaying.run(given) if given.command == "replay" else exporting.run(given)
            _console.print(told, markup=False, highlight=False, soft_wrap=True)
            return 0
        checks.node()
        checks.environments()
        checks.port(given.port)
        with checks.alone(given.state.resolve()):
            return asyncio.run(_up(given))
    except PersonasError as error:
        _console.print(f"personas: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 1


async def _up(given: argparse.Namespace) -> int:
    state: Path = given.state.resolve()
    _log_to(state / "logs")
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    supervisor = Supervisor(state, given.port, _say)
    try:
        if not await _unless(asked_to_stop, supervisor.start()):
            return 0
        _announce(supervisor)
        if not given.empty and not marker(state).exists():
            played = await _unless(asked_to_stop, _play(supervisor))
            if played and not marker(state).exists():
                _say("The sample was not played to its end; the next start goes on with it.")
                if given.once:
                    return 1
        if not given.once:
            await _unless(asked_to_stop, supervisor.emulator.ended())
        return 0
    finally:
        _say("Stopping")
        await supervisor.stop()


async def _unless(asked_to_stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Wait for the work, and drop it when asked to stop. Whether it was done."""
    task, stop = asyncio.create_task(work), asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if task.done():
        task.result()
        return True
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return False


async def _play(supervisor: Supervisor) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "personas.local.play",
        "--state",
        str(supervisor.state),
        "--aws-endpoint",
        supervisor.emulator.url,
        "--profiles-table",
        supervisor.profiles_table(),
        start_new_session=True,
        preexec_fn=children.dies_with_parent(signal.SIGKILL),
    )
    try:
        await process.wait()
    finally:
        await children.stop(process, 5.0)


def _announce(supervisor: Supervisor) -> None:
    facts = supervisor.facts
    _console.print(f"\n[bold green]Personas is running on {supervisor.base_url}[/]  (Ctrl-C stops it)")
    for name, value in (
        ("Tracking API", f"{supervisor.base_url}/v1/…  write key {facts['write_key']}"),
        ("Profile API", f"{supervisor.base_url}/v1/spaces/{facts['space_id']}/…  token {facts['profile_token']}"),
        ("Control API", f"{supervisor.base_url}/spaces  token {facts['control_token']}"),
        ("Facts", str(supervisor.state / "local.json")),
    ):
        _console.print(f"  {name:<13}{value}", markup=False, highlight=False, soft_wrap=True)


def _say(what: str) -> None:
    _console.print(what, style="dim", markup=False, highlight=False)


def _log_to(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=folder / "engine.log", level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
