"""Trait mappings: which values of events become custom traits. A change applies to events to come, lane by lane."""

import secrets
from typing import Any

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from control import definitions as saved
from control import edge
from personas.clock import now_ms
from personas.core.compute.trait_mapping import TraitMapping
from personas.core.errors import Conflict, InvalidInput, NotFound
from personas.core.moments import iso
from personas.core.workspace import new_id
from personas.http import Answer, Request
from personas.stores import definitions
from personas.stores.definitions import Change

MOST = 200
"""Mappings of a space: each is looked at by every event that it names."""


@dataclass(config=edge.BODY)
class NewMapping:
    path: str
    trait: str
    event: str | None = None
    type: str | None = None


NEW = TypeAdapter(NewMapping)


def create(request: Request, space: str) -> Answer:
    owner = edge.space_of(space)
    body = edge.body_of(request, NEW)
    mapping = TraitMapping.of(
        new_id("map", secrets.token_urlsafe),
        event=body.event,
        call=body.type,
        path=body.path,
        trait=body.trait,
        created=now_ms(),
    )

    def decide(*_: Any) -> Change:
        before = definitions.mappings_of(owner.id)
        if any(other.target == mapping.target for other in before):
            raise Conflict(f"another mapping of the same events leads to the trait {mapping.trait!r}")
        if len(before) >= MOST:
            raise InvalidInput(f"a space has at most {MOST} trait mappings: delete one first")
        return Change(mapped=(mapping,))

    saved.announce(owner.id, definitions.change(owner.id, decide))
    return edge.data(traitMapping=shown(mapping))


def show_all(request: Request, space: str) -> Answer:
    return edge.page_of(request, "traitMappings", definitions.mappings_of(edge.space_of(space).id), shown)


def show(request: Request, space: str, mapping: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    return edge.data(traitMapping=shown(_found(edge.space_of(space).id, mapping)))


def delete(request: Request, space: str, mapping: str) -> Answer:  # noqa: ARG001
    """The traits that it set stay: they are custom ones like any other."""
    owner = edge.space_of(space)

    def decide(*_: Any) -> Change:
        return Change(unmapped=(_found(owner.id, mapping).id,))

    saved.announce(owner.id, definitions.change(owner.id, decide))
    return edge.data(status="SUCCESS")


def _found(space: str, mapping_id: str) -> TraitMapping:
    for mapping in definitions.mappings_of(space):
        if mapping.id == mapping_id:
            return mapping
    raise NotFound(f"the space has no trait mapping {mapping_id!r}")


def shown(mapping: TraitMapping) -> dict[str, Any]:
    return {
        "id": mapping.id,
        "event": mapping.event,
        "type": mapping.call,
        "path": mapping.path,
        "trait": mapping.trait,
        "createdAt": iso(mapping.created),
    }
