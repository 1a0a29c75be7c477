"""Dry runs of identity rules: what they would have made of what the space has recorded. Nothing of it is changed."""

import secrets
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from control import edge
from control.identity_resolution import SETTINGS
from personas import simulation_start
from personas.clock import now_ms
from personas.core.errors import Conflict, NotFound, Unavailable
from personas.core.identity.rules import Rules
from personas.core.simulation.simulation import Simulation
from personas.core.workspace import new_id
from personas.http import Answer, Request
from personas.stores import simulations, spaces


def create(request: Request, space: str) -> Answer:
    owner = edge.space_of(space).id
    rules = Rules.of_data(edge.body_of(request, SETTINGS))
    now = now_ms()
    under_way = next((one for one in simulations.of_space(owner) if one.is_under_way(now)), None)
    if under_way:
        raise Conflict(f"simulation {under_way.id} of this space is under way: wait until it has ended")
    head = spaces.head(owner)
    if head is None:
        raise NotFound(f"there is no space {space!r}")
    id = new_id("sim", secrets.token_urlsafe)
    simulation = Simulation(id, owner, rules.to_data(), head.rules, now, simulation_start.SEGMENTS)
    simulations.begin(simulation)
    try:
        simulation_start.start(simulation)
    except (ClientError, BotoCoreError):
        simulations.forget(owner, id)
        raise Unavailable("the simulation could not be started: try again") from None
    return edge.data(simulation=_whole(simulation, now))


def show(request: Request, space: str, simulation: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    found = simulations.get(edge.space_of(space).id, simulation)
    if found is None:
        raise NotFound(f"the space has no simulation {simulation!r}")
    return edge.data(simulation=_whole(found, now_ms()))


def show_all(request: Request, space: str) -> Answer:
    found = simulations.of_space(edge.space_of(space).id)
    return edge.page_of(request, "simulations", found, lambda one: one.shown(now_ms()))


def _whole(simulation: Simulation, now: int) -> dict[str, Any]:
    return {**simulation.shown(now), "report": simulation.report}
