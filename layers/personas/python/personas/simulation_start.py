"""Starting the workflow of a simulation."""

from typing import Any

import orjson

from personas.aws import client, setting
from personas.core.simulation.simulation import Simulation

SEGMENTS = 16
"""Of the identity table, read side by side: each at some 10 MB a second."""


def start(simulation: Simulation) -> None:
    """Idempotent, as the execution has the simulation's id. Raises ClientError."""
    client("stepfunctions").start_execution(
        stateMachineArn=setting("SIMULATION_MACHINE"),
        name=simulation.id,
        input=orjson.dumps(_begun(simulation)).decode(),
    )


def _begun(simulation: Simulation) -> dict[str, Any]:
    whose = {"space": simulation.space, "simulation": simulation.id}
    first = {"part": 0, "items": 0, "cursor": None, "more": True}
    return {**whose, "segments": [{**whose, "segment": number, **first} for number in range(simulation.segments)]}
