"""The sample store, played into the running engine: define, connect, send, settle, and tell what came out.

Each step can be repeated: what is already defined is left alone, what was already sent is not sent again.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from personas.core.query.definition import key_of
from personas.local import census
from personas.local.sample import definitions
from personas.local.sample.control import Control
from personas.local.sample.player import Player
from personas.local.sample.shop import calls, rows, shift

SETTLE_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Local:
    """What the demo needs to know of the running engine."""

    base_url: str
    control_token: str
    space_id: str
    write_key: str
    profile_token: str
    state: Path
    """The folder `.personas/`."""
    dynamodb: Any
    """A boto3 DynamoDB client of the engine's API plane."""
    profiles_table: str


@dataclass(frozen=True, slots=True)
class Summary:
    sent: int
    census: census.Census
    deliveries: int
    seconds: float
    """How long sending and folding took in this start."""


def play(local: Local, console: Console) -> Summary:
    """Play the sample to its end, from wherever an earlier start left it."""
    define(local.base_url, local.control_token, local.space_id)
    log = rows()
    sample = list(calls(log))
    player = Player(local.base_url, local.write_key, _shift(local, log), local.state / "sample-position.json")
    started = datetime.now(UTC)
    with _progress(console) as progress:
        bar = progress.add_task("Playing the sample store", total=len(sample))
        sent = player.play(sample, lambda done: progress.update(bar, completed=done))
    settle(local.base_url)
    seconds = (datetime.now(UTC) - started).total_seconds()
    return summarise(local, sent, seconds)


def define(base_url: str, control_token: str, space_id: str) -> None:
    """Create the traits, audiences and the destination that are not there yet."""
    control = Control(base_url, control_token)
    space = f"/spaces/{space_id}"
    there = _names(control, f"{space}/computed-traits", "computedTraits")
    for name in definitions.COMPUTED_TRAITS:
        if name not in there:
            control.post(f"{space}/computed-traits", definitions.computed_trait(name))
    there = _names(control, f"{space}/audiences", "audiences")
    for name in definitions.AUDIENCES:
        if name not in there:
            control.post(f"{space}/audiences", definitions.audience(name))
    sink = definitions.webhook(f"{base_url}/_local/sink")
    if sink["name"] not in _names(control, f"{space}/destinations", "destinations"):
        control.post(f"{space}/destinations", sink)


def settle(base_url: str, seconds: int = SETTLE_SECONDS) -> None:
    """Wait until every stream, workflow and retry that is due has been worked off."""
    answer = requests.post(f"{base_url}/_local/settle", json={"timeoutSeconds": seconds}, timeout=seconds + 30)
    answer.raise_for_status()


def summarise(local: Local, sent: int, seconds: float) -> Summary:
    counted = census.take(local.dynamodb, local.profiles_table, local.space_id)
    sink = requests.get(f"{local.base_url}/_local/sink", params={"limit": 1}, timeout=30).json()
    return Summary(sent, counted, sink["total"], seconds)


def show(local: Local, summary: Summary, console: Console) -> None:
    """Print what came out, and three things to try."""
    counted = summary.census
    rate = f", {summary.sent / summary.seconds:,.0f} a second" if summary.seconds >= 1 else ""
    console.print(f"\n[bold]Events[/]      {summary.sent:,} sent, {counted.events:,} folded into profiles{rate}")
    console.print(
        f"[bold]Profiles[/]    {counted.users:,} people, of {counted.users + counted.merges:,} before merging"
    )
    console.print(f"[bold]Merges[/]      {counted.merges:,} anonymous visitors became known")
    for name in definitions.AUDIENCES:
        console.print(f"[bold]Audience[/]    {name}: {counted.members.get(key_of(name), 0):,}")
    console.print(f"[bold]Deliveries[/]  {summary.deliveries:,} to {local.base_url}/_local/sink")
    profile = f"{local.base_url}/v1/spaces/{local.space_id}/collections/users/profiles/user_id:user_0000"
    console.print("\nTry:", style="bold")
    for line in (
        f"curl -u {local.profile_token}: '{profile}/traits?limit=50'",
        f"curl -u {local.profile_token}: '{profile}/events?limit=5'",
        f"curl -u {local.write_key}: -H 'Content-Type: application/json' {local.base_url}/v1/track "
        """-d '{"userId": "user_0000", "event": "Order Completed", "properties": {"revenue": 39.9}}'""",
    ):
        console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)


def _names(control: Control, path: str, kind: str) -> set[str]:
    entries = control.get(path, **{"pagination.count": 200})["data"][kind]
    return {entry["name"] for entry in entries}


def _shift(local: Local, log: list[Any]) -> timedelta:
    """The same on every start, so that a replay that goes on keeps its dates."""
    kept = local.state / "sample-shift.json"
    if not kept.exists():
        now = requests.get(f"{local.base_url}/_local/clock", timeout=10).json()["now"]
        kept.write_text(json.dumps({"seconds": shift(log, datetime.fromisoformat(now)).total_seconds()}))
    return timedelta(seconds=json.loads(kept.read_text())["seconds"])


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )
