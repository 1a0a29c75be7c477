"""The identity resolution settings of a space: read, and replaced as a whole. A change applies to events to come."""

from typing import Any

from pydantic import TypeAdapter

from control import edge
from personas.core.identity.rules import Rules
from personas.http import Answer, Request
from personas.stores import identity_rules

SETTINGS = TypeAdapter(dict[str, Any])
"""An object; what is in it is the rules' own business, which name the field that is wrong."""


def show(request: Request, space: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    return edge.data(**identity_rules.listed(edge.space_of(space).id).to_data())


def replace(request: Request, space: str) -> Answer:
    owner = edge.space_of(space)
    rules = Rules.of_data(edge.body_of(request, SETTINGS))
    identity_rules.save(owner.id, rules)
    return edge.data(**rules.to_data())
