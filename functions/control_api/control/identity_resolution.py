"""The identity resolution settings of a space: read, replaced as a whole, or taken from another space.

A change applies to events to come. The answer warns where profiles that exist would not be under the new rules.
"""

from typing import Any

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from control import edge
from personas.clock import now_ms
from personas.core.errors import InvalidInput, NotFound
from personas.core.identity.rules import Rules
from personas.core.identity.stricter import Restriction, stricter
from personas.http import Answer, Request
from personas.stores import graph_sample, identity_rules

SETTINGS = TypeAdapter(dict[str, Any])
"""An object; what is in it is the rules' own business, which name the field that is wrong."""


@dataclass(config=edge.BODY)
class Import:
    from_space: str


IMPORT = TypeAdapter(Import)


def show(request: Request, space: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    return edge.data(**identity_rules.listed(edge.space_of(space).id).to_data())


def replace(request: Request, space: str) -> Answer:
    owner = edge.space_of(space)
    return _changed(owner.id, Rules.of_data(edge.body_of(request, SETTINGS)))


def import_rules(request: Request, space: str) -> Answer:
    owner = edge.space_of(space)
    named = edge.body_of(request, IMPORT).from_space
    try:
        model = edge.space_of(named)
    except NotFound:
        raise InvalidInput(f"there is no space {named!r} to import from", "fromSpace") from None
    if model.id == owner.id:
        raise InvalidInput("a space cannot import its own rules", "fromSpace")
    return _changed(owner.id, identity_rules.listed(model.id))


def _changed(space: str, rules: Rules) -> Answer:
    before = identity_rules.current(space)
    identity_rules.save(space, rules)
    sample = graph_sample.sample(space)
    warnings = stricter(before, rules, sample.roots, sample.held, now_ms())
    looked_at = {"profiles": len(sample.roots), "complete": sample.complete}
    return edge.data(**rules.to_data(), warnings=[_warning(one) for one in warnings], lookedAt=looked_at)


def _warning(one: Restriction) -> dict[str, Any]:
    return {
        "field": one.field,
        "message": one.message,
        "profiles": one.count,
        "samples": list(one.profiles),
    }
