"""Works on the running engine from outside, as an operator does on AWS: the same code with the engine's endpoints.

>>> from personas.replay import Replayed
>>> told(Replayed(events=2, deliveries=0))
'2 events and 0 deliveries were put back'
>>> told(Replayed())
'There was nothing to put back'
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests

from personas import aws, clock
from personas.core.errors import PersonasError
from personas.replay import Replayed, replay


class EngineNotRunning(PersonasError):
    """There is no engine with this state to work on."""


@contextmanager
def operator(state: Path) -> Iterator[None]:
    """Inside, every store works on the engine that runs with this state, by its clock."""
    facts = _facts(state)
    status = _get(facts["base_url"], "/_local/status")
    offset_ns = _get(facts["base_url"], "/_local/clock")["offsetSeconds"] * 1_000_000_000
    environment = {**status["operator"], "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    now = clock.read
    _forget()
    with patch.dict(os.environ, environment), patch.object(clock, "read", lambda: now() + offset_ns):
        yield
    _forget()


def replay_dead_letters(state: Path, space: str | None, stage: str | None) -> str:
    """Put the dead letters of a space (by default the engine's own) back where they belong; what was done, in words."""
    with operator(state):
        return told(replay(space or _facts(state)["space_id"], stage))


def told(replayed: Replayed) -> str:
    if not (replayed.events or replayed.deliveries):
        return "There was nothing to put back"
    return f"{replayed.events} events and {replayed.deliveries} deliveries were put back"


def _facts(state: Path) -> dict[str, str]:
    try:
        facts: dict[str, str] = json.loads((state / "local.json").read_text())
    except OSError:
        raise EngineNotRunning(f"no engine has run with the state {state}: start one with personas up") from None
    return facts


def _get(base_url: str, path: str) -> Any:
    try:
        answer = requests.get(base_url + path, timeout=30)
    except requests.ConnectionError:
        raise EngineNotRunning(f"no engine answers on {base_url}: start it with personas up") from None
    answer.raise_for_status()
    return answer.json()


def _forget() -> None:
    aws.client.cache_clear()
    aws.setting.cache_clear()
