"""Destinations of a space, after Segment's Public API: a destination, its settings, and its subscriptions inline."""

import secrets
from dataclasses import asdict, replace
from typing import Any

from pydantic import AliasChoices, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from control import edge
from personas.clock import now_ms
from personas.core.destination import Destination, checked
from personas.core.errors import NotFound
from personas.core.moments import iso
from personas.core.workspace import checked_name, new_id
from personas.http import Answer, Request
from personas.stores import destinations


@dataclass(config=edge.BODY)
class Subscription:
    name: str = "Send"
    enabled: bool = True
    partner_action: str = Field(default="send", validation_alias=AliasChoices("partnerAction", "actionSlug"))
    trigger: str = 'type = "identify" or type = "track" or type = "group"'
    mapping: dict[str, Any] = Field(default_factory=dict, validation_alias=AliasChoices("mapping", "settings"))

    def to_data(self) -> dict[str, Any]:
        data = asdict(self)
        return {"partnerAction": data.pop("partner_action"), **data}


@dataclass(config=edge.BODY)
class NewDestination:
    name: str
    type: str = Field(validation_alias=AliasChoices("type", "metadataId"))
    enabled: bool = True
    settings: dict[str, Any] = Field(default_factory=dict)
    subscriptions: list[Subscription] = Field(default_factory=list)
    audiences: list[str] = Field(default_factory=list)
    computed_traits: list[str] = Field(default_factory=list)


@dataclass(config=edge.BODY)
class Changes:
    name: str | None = None
    enabled: bool | None = None
    settings: dict[str, Any] | None = None
    subscriptions: list[Subscription] | None = None
    audiences: list[str] | None = None
    computed_traits: list[str] | None = None


NEW_DESTINATION = TypeAdapter(NewDestination)
CHANGES = TypeAdapter(Changes)


def create(request: Request, space: str) -> Answer:
    owner = edge.space_of(space)
    body = edge.body_of(request, NEW_DESTINATION)
    now = now_ms()
    destination = Destination(
        id=new_id("des", secrets.token_urlsafe),
        space=owner.id,
        name=checked_name(body.name),
        type=body.type,
        enabled=body.enabled,
        settings=body.settings,
        subscriptions=tuple(subscription.to_data() for subscription in body.subscriptions),
        audiences=tuple(body.audiences),
        computed_traits=tuple(body.computed_traits),
        created=now,
        updated=now,
    )
    return _saved(destination)


def change(request: Request, space: str, destination: str) -> Answer:
    found = _found(space, destination)
    body = edge.body_of(request, CHANGES)
    given = {name: value for name, value in vars(body).items() if value is not None}
    for name in ("audiences", "computed_traits"):
        if name in given:
            given[name] = tuple(given[name])
    if body.subscriptions is not None:
        given["subscriptions"] = tuple(subscription.to_data() for subscription in body.subscriptions)
    if body.name is not None:
        given["name"] = checked_name(body.name)
    return _saved(replace(found, **given, updated=now_ms()))


def show_all(request: Request, space: str) -> Answer:
    found = sorted(destinations.of_space(edge.space_of(space).id), key=lambda destination: destination.created)
    return edge.page_of(request, "destinations", found, shown)


def show(request: Request, space: str, destination: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    return edge.data(destination=shown(_found(space, destination)))


def delete(request: Request, space: str, destination: str) -> Answer:  # noqa: ARG001
    found = _found(space, destination)
    destinations.remove(found.space, found.id)
    return edge.data(status="SUCCESS")


def shown(destination: Destination) -> dict[str, Any]:
    return {
        "id": destination.id,
        "spaceId": destination.space,
        "name": destination.name,
        "enabled": destination.enabled,
        "metadata": {"id": destination.type, "slug": destination.type},
        "settings": destination.settings,
        "subscriptions": destination.subscriptions,
        "audiences": destination.audiences,
        "computedTraits": destination.computed_traits,
        "createdAt": iso(destination.created),
        "updatedAt": iso(destination.updated),
    }


def _saved(destination: Destination) -> Answer:
    ready = checked(destination)
    destinations.save(ready)
    return edge.data(destination=shown(ready))


def _found(space: str, destination: str) -> Destination:
    found = destinations.get(edge.space_of(space).id, destination)
    if found is None:
        raise NotFound(f"space {space!r} has no destination {destination!r}")
    return found
