"""The Profile Explorer: profiles found by identifier or by what somebody types, and everything about one of them."""

from typing import Any

from control import edge
from personas.clock import now_ms
from personas.core.errors import InvalidInput, NotFound
from personas.core.identity.external_id import ExternalId
from personas.core.identity.merge import Merge
from personas.core.moments import iso
from personas.core.profile.profile import Profile, Trait
from personas.core.profile.reading import as_of
from personas.http import Answer, Request
from personas.stores import definitions, graph, identity_rules, profiles

COLLECTIONS = ("users", "accounts")


def search(request: Request, space: str) -> Answer:
    owner = edge.space_of(space).id
    collection = collection_of(request)
    if "identifier" in request.query:
        ids = _by_identifier(owner, collection, request.query["identifier"])
    else:
        ids = _by_text(owner, collection, request.query.get("search", "").strip())
    return edge.page_of(request, "profiles", ids, lambda profile: _summary(owner, collection, profile))


def show(request: Request, space: str, profile: str) -> Answer:  # noqa: ARG001 - all handlers take the request
    owner = edge.space_of(space).id
    current = graph.current(owner, profile)
    found = _read(owner, current) if current else None
    if found is None:
        raise NotFound(f"space {space!r} has no profile {profile!r}")
    return edge.data(profile=_whole(found))


def collection_of(request: Request) -> str:
    """Raises InvalidInput."""
    collection = request.query.get("collection", "users")
    if collection not in COLLECTIONS:
        raise InvalidInput(f"collection must be one of {', '.join(COLLECTIONS)}", "collection")
    return collection


def _by_identifier(space: str, collection: str, identifier: str) -> list[str]:
    kind, colon, value = identifier.partition(":")
    if not (colon and kind and value):
        raise InvalidInput("identifier must be type:value, such as user_id:u1", "identifier")
    found = graph.find_profile(space, collection, kind, value)
    return [found] if found else []


def _by_text(space: str, collection: str, text: str) -> list[str]:
    """The text is taken as a profile's id, and as the value of every type of identifier that the space knows."""
    if not text:
        raise InvalidInput("search or identifier must say whom to look for", "search")
    types = [rule.type for rule in identity_rules.listed(space).identifiers]
    found = [graph.current(space, text), *(graph.find_profile(space, collection, kind, text) for kind in types)]
    return [profile for profile in dict.fromkeys(found) if profile]


def _read(space: str, profile: str) -> Profile | None:
    stored = profiles.read(space, profile)
    return as_of(stored, definitions.load(space, stored.version), now_ms()) if stored else None


def _summary(space: str, collection: str, profile: str) -> dict[str, Any]:
    identifiers = [identifier_shown(one) for one in graph.identifiers(space, profile)]
    return {"id": profile, "collection": collection, "identifiers": identifiers}


def _whole(profile: Profile) -> dict[str, Any]:
    traits = profile.traits()
    return {
        "id": profile.id,
        "collection": profile.collection,
        "traits": {key: _trait(trait) for key, trait in sorted(traits.items()) if trait.kind != "audience"},
        "memberships": [
            {
                "key": key,
                "audienceId": entry.definition,
                "member": entry.value,
                "since": iso(entry.since),
                **_capped(entry.capped),
            }
            for key, entry in sorted(profile.computed.items())
            if entry.kind == "audience"
        ],
        "identifiers": [identifier_shown(one) for one in graph.identifiers(profile.space, profile.id)],
        "accounts": list(profile.accounts),
        "merges": [merge_shown(merge) for merge in graph.merges(profile.space, profile.id)],
        "createdAt": iso(profile.created) if profile.created is not None else None,
        "updatedAt": iso(profile.updated) if profile.updated is not None else None,
    }


def _trait(trait: Trait) -> dict[str, Any]:
    shown = {"value": trait.value, "class": trait.kind, "sourceId": trait.source, "updatedAt": iso(trait.at)}
    return {**shown, **_capped(trait.capped)}


def _capped(capped: bool) -> dict[str, Any]:
    return {"capped": True} if capped else {}


def identifier_shown(one: ExternalId) -> dict[str, Any]:
    return {
        "type": one.type,
        "value": one.id,
        "collection": one.collection,
        "sourceId": one.source_id,
        "createdAt": iso(one.created_at),
        "firstMessageId": one.first_message_id,
    }


def merge_shown(merge: Merge) -> dict[str, Any]:
    bridge = merge.identifier
    return {
        "id": merge.id,
        "survivor": merge.survivor,
        "loser": merge.loser,
        "at": iso(merge.at),
        "messageId": merge.message_id,
        "sourceId": merge.source_id,
        "identifier": {"type": bridge.type, "value": bridge.value, "collection": bridge.collection},
        "rule": merge.rule,
    }
