"""Simulations of identity rules: `{space}#simulations` / id, for KEPT_DAYS.

Invariant: the first outcome of a simulation stands, and one whose space is gone is not written again.
"""

from typing import Any

from botocore.exceptions import ClientError

from personas import documents, wire
from personas.aws import client
from personas.core.moments import DAY, SECOND
from personas.core.simulation.simulation import Simulation

KEPT_DAYS = 7
"""A report names people's identifiers, and is true of the day that it was made."""


def partition(space: str) -> str:
    return f"{space}#simulations"


def begin(simulation: Simulation) -> None:
    """Idempotent: the last one stands."""
    data = {
        "rules": simulation.rules,
        "rules_version": simulation.rules_version,
        "requested": simulation.requested,
        "segments": simulation.segments,
    }
    ttl = (simulation.requested + KEPT_DAYS * DAY) // SECOND
    documents.put(partition(simulation.space), simulation.id, data, ttl=ttl)


def forget(space: str, simulation: str) -> None:
    """Idempotent."""
    documents.delete(partition(space), simulation)


def get(space: str, simulation: str) -> Simulation | None:
    """Read consistently."""
    found = documents.get_item(partition(space), simulation)
    return _of_item(space, found) if found else None


def of_space(space: str) -> list[Simulation]:
    """The newest first; read consistently."""
    found = [_of_item(space, item) for item in documents.items(partition(space))]
    return sorted(found, key=lambda one: (one.requested, one.id), reverse=True)


def gathered(space: str, simulation: str, segment: int) -> None:
    """One segment has been read. Idempotent."""
    _update(space, simulation, "ADD gathered :segment", {":segment": {"NS": [str(segment)]}})


def finish(space: str, simulation: str, report: dict[str, Any], now: int) -> None:
    """Idempotent: the first outcome stands."""
    _end(space, simulation, {"report": report, "finished": now})


def fail(space: str, simulation: str, reason: str, now: int) -> None:
    """Idempotent: the first outcome stands."""
    _end(space, simulation, {"failure": reason, "finished": now})


def _end(space: str, simulation: str, outcome: dict[str, Any]) -> None:
    _update(space, simulation, "SET outcome = :outcome", {":outcome": {"B": wire.pack(outcome, 6)}})


def _update(space: str, simulation: str, said: str, values: dict[str, Any]) -> None:
    there_and_not_ended = "attribute_exists(pk) AND attribute_not_exists(outcome)"
    try:
        client("dynamodb").update_item(
            TableName=documents.table(),
            Key=documents.key(partition(space), simulation),
            UpdateExpression=said,
            ConditionExpression=there_and_not_ended,
            ExpressionAttributeValues=values,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def _of_item(space: str, item: documents.Item) -> Simulation:
    outcome = wire.unpack(item["outcome"]["B"]) if "outcome" in item else {}
    gathered = frozenset(int(number) for number in item.get("gathered", {}).get("NS", ()))
    return Simulation(id=item["sk"]["S"], space=space, **documents.data_of(item), gathered=gathered, **outcome)
