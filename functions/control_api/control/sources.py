"""Sources of a space and their write keys; and the debugger, which shows what ingestion refused of a source."""

import secrets
from typing import Any

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from control import edge
from personas.clock import now_ms
from personas.core.errors import NotFound
from personas.core.moments import iso
from personas.core.workspace import Source, checked_name, new_id
from personas.http import Answer, Request
from personas.stores import refused, sources


@dataclass(config=edge.BODY)
class NewSource:
    name: str
    enabled: bool = True
    labels: list[dict[str, str]] = Field(default_factory=list)


NEW_SOURCE = TypeAdapter(NewSource)


def create(request: Request, space: str) -> Answer:
    owner = edge.space_of(space)
    body = edge.body_of(request, NEW_SOURCE)
    source = Source(
        id=new_id("src", secrets.token_urlsafe),
        space=owner.id,
        name=checked_name(body.name),
        write_keys=(secrets.token_hex(16),),
        created=now_ms(),
        enabled=body.enabled,
        labels=tuple(body.labels),
    )
    sources.create(source)
    return edge.data(source=shown(source))


def show_all(request: Request, space: str) -> Answer:
    found = sorted(sources.of_space(edge.space_of(space).id), key=lambda source: source.created)
    return edge.page_of(request, "sources", found, shown)


def show(request: Request, space: str, source: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    return edge.data(source=shown(_found(space, source)))


def delete(request: Request, space: str, source: str) -> Answer:  # noqa: ARG001
    sources.remove(_found(space, source))
    return edge.data(status="SUCCESS")


def show_refused(request: Request, space: str, source: str) -> Answer:
    found = _found(space, source)
    return edge.page_of(request, "refusedEvents", refused.of_source(found.space, found.id), _refused)


def _found(space: str, source: str) -> Source:
    found = sources.get(edge.space_of(space).id, source)
    if found is None:
        raise NotFound(f"space {space!r} has no source {source!r}")
    return found


def shown(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "spaceId": source.space,
        "name": source.name,
        "enabled": source.enabled,
        "writeKeys": source.write_keys,
        "labels": source.labels,
        "createdAt": iso(source.created),
    }


def _refused(request: dict[str, Any]) -> dict[str, Any]:
    return {"receivedAt": iso(request["at"]), "total": request["total"], "rejected": request["refused"]}
