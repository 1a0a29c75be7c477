"""Who may read, and which profile: the token must be one of the space, the identifier must lead to a profile of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from personas.clock import now_ms
from personas.core.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from personas.core.profile.profile import Profile
from personas.core.profile.reading import as_of
from personas.http import MethodNotAllowed, Request, message_of
from personas.stores import definitions, graph, profiles, spaces, tokens

Entry = TypeVar("Entry")
COLLECTIONS = ("users", "accounts")
_CODES = {401: "authentication_error", 403: "authentication_error", 404: "not_found", 429: "rate_limit_error"}


class ValidationFailed(InvalidInput):
    """A part of the path or query is not what it may be."""


@dataclass(frozen=True, slots=True)
class Found:
    """The profile that a request is about."""

    space: str
    collection: str
    profile: str


def find(request: Request, space: str, collection: str, identifier: str) -> Found:
    """Raises Unauthenticated, Forbidden (whether or not the other space exists), ValidationFailed, NotFound."""
    token = tokens.by_secret(request.basic_user) if request.basic_user else None
    if token is None:
        raise Unauthenticated("send an access token of the space as Basic user name, with an empty password")
    if space != token.space and spaces.find(token.space).slug != space:
        raise Forbidden("the access token is not one of this space")
    if collection not in COLLECTIONS:
        raise ValidationFailed(f"The parameter `collection` must be one of {', '.join(COLLECTIONS)}")
    kind, colon, value = identifier.partition(":")
    if not (colon and kind and value):
        raise ValidationFailed("The identifier must be type:value, such as user_id:u1")
    profile = graph.find_profile(token.space, collection, kind, value)
    if profile is None:
        raise NotFound("Profile was not found.")
    return Found(token.space, collection, profile)


def profile_of(found: Found) -> Profile:
    """The profile with its windows as of now. Raises NotFound where it was resolved and not folded yet."""
    stored = profiles.read(found.space, found.profile)
    if stored is None:
        raise NotFound("Profile was not found.")
    return as_of(stored, definitions.load(found.space, stored.version), now_ms())


def cursor(request: Request, limit: int, following: str | None) -> dict[str, Any]:
    """`following`: what `next` must be for the page after this one; None on the last page."""
    query = {name: value for name, value in request.query.items() if name != "next"}
    if following is not None:
        query["next"] = following
    path = quote(request.path, safe="/:")
    url = f"{path}?{urlencode(query)}" if query else path
    return {"url": url, "has_more": following is not None, "next": following or "", "limit": limit}


def chosen(request: Request, name: str) -> frozenset[str] | None:
    """The entries of a comma-separated parameter; None where it was not sent."""
    text = request.query.get(name)
    return frozenset(part.strip() for part in text.split(",") if part.strip()) if text is not None else None


def listed(
    request: Request, entries: list[Entry], place: Callable[[Entry], str], limit: int, *, descending: bool = False
) -> tuple[list[Entry], dict[str, Any]]:
    """One page of the entries in the order of their place (a text that no two share), and its cursor.

    The cursor names the last entry of its page, so that what is added meanwhile moves nothing.
    """
    after = request.query.get("next") or None
    ordered = sorted(entries, key=place, reverse=descending)
    left = [entry for entry in ordered if after is None or _follows(place(entry), after, descending)]
    page = left[:limit]
    return page, cursor(request, limit, place(page[-1]) if len(left) > limit else None)


def _follows(place: str, after: str, descending: bool) -> bool:
    return place < after if descending else place > after


def error_body(error: Exception, status: int) -> dict[str, Any]:
    code = _CODES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    if isinstance(error, ValidationFailed):
        code = "validation_error"
    if isinstance(error, MethodNotAllowed):
        code = "invalid_request_error"
    return {"error": {"code": code, "message": message_of(error, status)}}
