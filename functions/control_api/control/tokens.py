"""Access tokens of a space, for the Profile API. A secret is shown once, when it is made, and kept only as a hash."""

import secrets

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from control import edge
from personas.clock import now_ms
from personas.core.errors import NotFound
from personas.core.moments import iso
from personas.core.workspace import AccessToken, checked_name, fingerprint_of, new_id
from personas.http import Answer, Request
from personas.stores import tokens

SECRET_BYTES = 32


@dataclass(config=edge.BODY)
class NewToken:
    name: str


NEW_TOKEN = TypeAdapter(NewToken)


def create(request: Request, space: str) -> Answer:
    owner = edge.space_of(space)
    name = checked_name(edge.body_of(request, NEW_TOKEN).name)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    token = AccessToken(new_id("tok", secrets.token_urlsafe), owner.id, name, now_ms(), fingerprint_of(secret))
    tokens.create(token)
    return edge.data(token={**shown(token), "secret": secret})


def show_all(request: Request, space: str) -> Answer:
    found = sorted(tokens.of_space(edge.space_of(space).id), key=lambda token: token.created)
    return edge.page_of(request, "tokens", found, shown)


def delete(request: Request, space: str, token: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    found = tokens.get(edge.space_of(space).id, token)
    if found is None:
        raise NotFound(f"space {space!r} has no access token {token!r}")
    tokens.remove(found)
    return edge.data(status="SUCCESS")


def shown(token: AccessToken) -> dict[str, str]:
    return {"id": token.id, "spaceId": token.space, "name": token.name, "createdAt": iso(token.created)}
