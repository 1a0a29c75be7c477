"""What may differ from one deployment to the next, checked once. Numbers that never differ stay where they are used.

>>> Settings.of_context({"stage": "prod"}.get).freshness_seconds
10
>>> Settings.of_context({"stage": "test"}.get)
Traceback (most recent call last):
infra.settings.WrongContext: stage is 'test'; it must be one of dev, prod
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STAGES = ("dev", "prod")


class WrongContext(ValueError):
    """A value given with -c, or in cdk.json, that no stack can be made from."""


@dataclass(frozen=True, slots=True)
class Settings:
    stage: str
    freshness_seconds: int
    """How long events may wait in the batching windows of both streams together."""
    shards: int
    """Of each of the two streams."""
    plan: str
    """The workspace's plan: spaces need `business`."""
    alarm_email: str | None
    private_destinations: str
    """Hosts (host or host:port, separated by commas) that deliver may call although their addresses are private."""
    local: bool
    """True leaves out what the local engine brings itself: vendor layers and node_modules."""

    @classmethod
    def of_context(cls, context: Callable[[str], Any]) -> "Settings":
        """Raises WrongContext. Values from the command line are strings."""
        stage = context("stage") or "dev"
        if stage not in STAGES:
            raise WrongContext(f"stage is {stage!r}; it must be one of {', '.join(STAGES)}")
        local = str(context("local") or "false").lower() == "true"
        return cls(
            stage=stage,
            freshness_seconds=_whole(
                "freshnessSeconds", context("freshnessSeconds") or (10 if stage == "prod" else 1), 0, 600
            ),
            shards=_whole("shards", context("shards") or 1, 1, 1000),
            plan=context("plan") or "business",
            alarm_email=context("alarmEmail") or None,
            private_destinations=context("privateDestinations") or ("127.0.0.1,localhost" if local else ""),
            local=local,
        )

    @property
    def production(self) -> bool:
        return self.stage == "prod"

    def name(self, part: str) -> str:
        """A physical name, where one must be known before deployment."""
        return f"personas-{self.stage}-{part}"


def _whole(name: str, value: Any, least: int, most: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise WrongContext(f"{name} is {value!r}; it must be a whole number") from None
    if not least <= number <= most:
        raise WrongContext(f"{name} is {number}; it must be from {least} to {most}")
    return number
