"""AWS clients, made once per warm worker and only when first used. Names come from the function's environment."""

import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from personas.core.errors import PersonasError

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=3,
    read_timeout=20,
    max_pool_connections=32,
    tcp_keepalive=True,
    parameter_validation=False,  # our own stores build every request; validation is a third of a call's CPU
)


class NotConfigured(PersonasError):
    """The function's environment lacks a variable that the CDK app should have set."""


@cache
def client(service: str) -> Any:
    return boto3.client(service, config=_CONFIG)


@cache
def setting(name: str) -> str:
    """An environment variable of the function, such as PROFILES_TABLE."""
    try:
        return os.environ[name]
    except KeyError:
        raise NotConfigured(f"the environment variable {name} is not set on this function") from None
