"""Simulate identity rules: what the workflow's functions do. It reads the graph and writes nothing there.

    gather, segment by segment of the identity table → replay all of it → the report is with the simulation

Invariant: a step that died after any write, or runs twice, may be run again.
"""

from collections.abc import Callable
from typing import Any

from personas.core.identity.rules import Rules
from personas.core.simulation.history import History
from personas.core.simulation.report import report
from personas.core.simulation.simulation import Simulation
from personas.stores import graph_scan, identity_rules, simulation_parts, simulations, spaces

MOST_IN_PART = 500_000
"""Items of one object: some 40 MB, which are held in memory while it is written."""

MOST_ITEMS = 5_000_000
"""Roots and facts of a space that are replayed: 200 microseconds and 1.5 KB of memory each."""

State = dict[str, Any]
"""What the workflow carries: see simulation_start.py for what it begins with."""


def gather(state: State, time_left: Callable[[], bool]) -> State:
    """Write down the next part of a segment, and say whether there is more of it."""
    space, simulation, segment = state["space"], state["simulation"], state["segment"]
    asked = _asked(space, simulation)
    if asked is None:
        return {**state, "more": False}
    part, cursor = simulation_parts.Part(), state["cursor"]
    while True:
        items, cursor = graph_scan.page(space, segment, asked.segments, cursor)
        part.add(items)
        if cursor is None or part.items >= MOST_IN_PART or not time_left():
            break
    part.keep(simulation_parts.key(space, simulation, segment, state["part"]))
    if cursor is None:
        simulations.gathered(space, simulation, segment)
    known = {"part": state["part"] + 1, "items": state["items"] + part.items}
    return {**state, **known, "cursor": cursor, "more": cursor is not None}


def replay(state: State, now: int) -> None:
    """Resolve all that was gathered by the proposed rules, and keep what came of it."""
    space, simulation = state["space"], state["simulation"]
    asked = _asked(space, simulation)
    count = sum(segment["items"] for segment in state["gathered"])
    if asked and count > MOST_ITEMS:
        reason = f"the space has {count} recorded facts and profiles; a simulation takes {MOST_ITEMS} at most"
        simulations.fail(space, simulation, reason, now)
    elif asked:
        history = History(asked.requested)
        for segment in state["gathered"]:
            for part in range(segment["part"]):
                for item in simulation_parts.read(simulation_parts.key(space, simulation, segment["segment"], part)):
                    graph_scan.tell(history, item)
        before = identity_rules.load(space, asked.rules_version)
        simulations.finish(space, simulation, report(history, before, Rules.of_data(asked.rules)), now)
    simulation_parts.remove(space, simulation)


def give_up(state: State, reason: str, now: int) -> None:
    """Idempotent."""
    simulations.fail(state["space"], state["simulation"], reason, now)
    simulation_parts.remove(state["space"], state["simulation"])


def _asked(space: str, simulation: str) -> Simulation | None:
    """None where the answer is there already, or the space is gone."""
    found = simulations.get(space, simulation) if spaces.head(space) else None
    return found if found and found.finished is None else None
