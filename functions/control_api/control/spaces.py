"""Spaces: made, listed and deleted. A deleted space's keys and tokens stop working at once, as its head is gone."""

import secrets

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from control import deletion, edge
from personas.clock import now_ms
from personas.core.errors import InvalidInput, NotFound
from personas.core.moments import iso
from personas.core.workspace import Space, checked_name, checked_slug, new_id, slug_of
from personas.http import Answer, Request
from personas.stores import identity_rules, purges, spaces


@dataclass(config=edge.BODY)
class NewSpace:
    name: str
    slug: str | None = None
    copy_settings_from: str | None = None
    """A space whose identity resolution settings it starts with."""


NEW_SPACE = TypeAdapter(NewSpace)


def create(request: Request) -> Answer:
    body = edge.body_of(request, NEW_SPACE)
    name = checked_name(body.name)
    slug = body.slug if body.slug is not None else slug_of(name)
    if not slug:
        raise InvalidInput("name has no letter or digit to make a slug of: give a slug", "slug")
    model = edge.space_of(body.copy_settings_from) if body.copy_settings_from else None
    space = Space(new_id("spa", secrets.token_urlsafe), checked_slug(slug), name, now_ms())
    spaces.create(space)
    if model:
        identity_rules.save(space.id, identity_rules.listed(model.id))
    return edge.data(space=shown(space))


def show_all(request: Request) -> Answer:
    return edge.page_of(request, "spaces", sorted(spaces.all(), key=lambda space: space.created), shown)


def show(request: Request, space: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    return edge.data(space=shown(edge.space_of(space)))


def delete(request: Request, space: str) -> Answer:  # noqa: ARG001
    return edge.data(receipt=deletion.delete(edge.space_of(space)))


def show_deleted(request: Request) -> Answer:
    latest_first = sorted(purges.all(), key=lambda purge: -purge.requested)
    return edge.page_of(request, "receipts", latest_first, lambda purge: purge.receipt())


def show_receipt(request: Request, space: str) -> Answer:  # noqa: ARG001
    purge = purges.of_space(space)
    if purge is None:
        raise NotFound(f"no space {space!r} was deleted")
    return edge.data(receipt=purge.receipt())


def shown(space: Space) -> dict[str, str]:
    return {"id": space.id, "slug": space.slug, "name": space.name, "createdAt": iso(space.created)}
