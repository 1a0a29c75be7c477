"""What the template says about an event source mapping, with AWS's defaults where it says nothing."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personas.local.event_patterns import Filters
from personas.local.functions import name_of
from personas.local.template import Resource, Template, UnusableTemplate

_KNOWN = frozenset(
    {
        "BatchSize",
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "Enabled",
        "EventSourceArn",
        "FilterCriteria",
        "FunctionName",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "ParallelizationFactor",
        "ScalingConfig",
        "StartingPosition",
        "StartingPositionTimestamp",
        "Tags",
    }
)
_SOURCES: Mapping[str, tuple[int, int]] = {"kinesis": (100, 10_000), "dynamodb": (100, 10_000), "sqs": (10, 10_000)}
"""By service: the default batch size and the largest."""


@dataclass(frozen=True, slots=True)
class MappingSettings:
    id: str
    """The logical id in the template."""
    source_arn: str
    function: str
    batch_size: int
    window_s: float
    parallel: int
    """Invocations at a time for each shard (ParallelizationFactor), or for a queue (MaximumConcurrency)."""
    filters: Filters
    partial_failures: bool
    """Whether the function says which records failed (ReportBatchItemFailures)."""
    bisect: bool
    max_retries: int | None
    """None: until the records expire."""
    max_age_ms: int | None
    on_failure: str | None
    """ARN of an S3 bucket, an SQS queue or an SNS topic."""
    starts_at: str
    """TRIM_HORIZON, LATEST or AT_TIMESTAMP."""
    starts_at_ms: int
    enabled: bool

    @property
    def service(self) -> str:
        return self.source_arn.split(":")[2]

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.id))

    @classmethod
    def of(cls, resource: Resource) -> "MappingSettings":
        properties = resource.properties
        if strange := sorted(properties.keys() - _KNOWN):
            raise UnusableTemplate(f"{resource.id}: the local engine does not know {', '.join(strange)} of a mapping")
        arn = properties["EventSourceArn"]
        service = arn.split(":")[2]
        if service not in _SOURCES:
            raise UnusableTemplate(f"{resource.id}: the local engine knows no mappings of {service}")
        default, largest = _SOURCES[service]
        destination = (properties.get("DestinationConfig") or {}).get("OnFailure") or {}
        factor = properties.get("ParallelizationFactor", 1)
        concurrency = (properties.get("ScalingConfig") or {}).get("MaximumConcurrency", 2)
        return cls(
            id=resource.id,
            source_arn=arn,
            function=name_of(properties["FunctionName"]),
            batch_size=_within(resource.id, "BatchSize", properties.get("BatchSize", default), 1, largest),
            window_s=_within(
                resource.id,
                "MaximumBatchingWindowInSeconds",
                properties.get("MaximumBatchingWindowInSeconds", 0),
                0,
                300,
            ),
            parallel=int(concurrency)
            if service == "sqs"
            else _within(resource.id, "ParallelizationFactor", factor, 1, 10),
            filters=Filters.of(properties.get("FilterCriteria")),
            partial_failures="ReportBatchItemFailures" in (properties.get("FunctionResponseTypes") or ()),
            bisect=_flag(properties.get("BisectBatchOnFunctionError", False)),
            max_retries=_bound(properties.get("MaximumRetryAttempts", -1)),
            max_age_ms=_seconds(properties.get("MaximumRecordAgeInSeconds", -1)),
            on_failure=destination.get("Destination"),
            starts_at=properties.get("StartingPosition", "TRIM_HORIZON"),
            starts_at_ms=int(float(properties.get("StartingPositionTimestamp", 0)) * 1_000),
            enabled=_flag(properties.get("Enabled", True)),
        )


def mappings(template: Template) -> list[MappingSettings]:
    return [MappingSettings.of(resource) for resource in template.of_type("AWS::Lambda::EventSourceMapping")]


def _within(place: str, name: str, value: Any, least: int, most: int) -> int:
    number = int(value)
    if not least <= number <= most:
        raise UnusableTemplate(f"{place}: {name} is {number}, it must be between {least} and {most}")
    return number


def _flag(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _bound(value: Any) -> int | None:
    return None if int(value) < 0 else int(value)


def _seconds(value: Any) -> int | None:
    return None if int(value) < 0 else int(value) * 1_000
