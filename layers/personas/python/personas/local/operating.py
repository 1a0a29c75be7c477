"""Works on a running system from outside, as an operator does: the stores and replays with the system's names, on the
engine of this machine (its endpoints, its clock) or on a stack on AWS (one's own credentials).
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests
from botocore.exceptions import BotoCoreError, ClientError

from personas import aws, clock
from personas.core.errors import PersonasError

OUTPUTS = {
    "EventsStreamName": "EVENTS_STREAM",
    "ProfilesStreamName": "PROFILES_STREAM",
    "ControlTableName": "CONTROL_TABLE",
    "IdentityTableName": "IDENTITY_TABLE",
    "ProfilesTableName": "PROFILES_TABLE",
    "ActivationTableName": "ACTIVATION_TABLE",
    "ArchiveBucketName": "ARCHIVE_BUCKET",
    "DeadLettersBucketName": "DEAD_LETTERS_BUCKET",
}
"""The stack's outputs, and the settings of our code that they are."""


class EngineNotRunning(PersonasError):
    """There is no engine with this state to work on."""


class StackNotFound(PersonasError):
    """There is no such stack where the credentials lead, or it is not one of Personas."""


class AwsRefused(PersonasError):
    """A call to AWS failed; the message is AWS's."""


@contextmanager
def engine(state: Path) -> Iterator[None]:
    """Inside, every store works on the engine that runs with this state, by its clock. Raises EngineNotRunning."""
    base_url = facts(state)["base_url"]
    status = _get(base_url, "/_local/status")
    offset_ns = _get(base_url, "/_local/clock")["offsetSeconds"] * 1_000_000_000
    environment = {**status["operator"], "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    now = clock.read
    with patch.object(clock, "read", lambda: now() + offset_ns), _settings(environment):
        yield


@contextmanager
def stack(name: str) -> Iterator[None]:
    """Inside, every store works on the stack, with the credentials and the region that boto3 finds. Raises
    StackNotFound and AwsRefused."""
    with _settings({}):
        described = aws.client("cloudformation").describe_stacks
        try:
            outputs = described(StackName=name)["Stacks"][0].get("Outputs", [])
        except ClientError as error:
            raise StackNotFound(f"stack {name}: {error}") from None
    values = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    if missing := OUTPUTS.keys() - values.keys():
        raise StackNotFound(f"stack {name} has no output {min(missing)}: deploy this version first")
    with _settings({setting: values[output] for output, setting in OUTPUTS.items()}):
        yield


def facts(state: Path) -> dict[str, str]:
    """What local.json says. Raises EngineNotRunning."""
    try:
        found: dict[str, str] = json.loads((state / "local.json").read_text())
    except OSError:
        raise EngineNotRunning(f"no engine has run with the state {state}: start one with personas up") from None
    return found


@contextmanager
def _settings(environment: Mapping[str, str]) -> Iterator[None]:
    """The environment that our code reads its settings from."""
    _forget()
    try:
        with patch.dict(os.environ, environment):
            yield
    except (BotoCoreError, ClientError) as error:
        raise AwsRefused(str(error)) from error
    finally:
        _forget()


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
