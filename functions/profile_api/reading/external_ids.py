"""External ids of a profile, and of all that were merged into it, oldest first: `include`, `limit`."""

from typing import Any

from personas.core.identity.external_id import ExternalId
from personas.core.moments import iso
from personas.http import Answer, Request
from personas.stores import graph
from reading import access

DEFAULT, MOST = 25, 200


def show(request: Request, space: str, collection: str, identifier: str) -> Answer:
    found = access.find(request, space, collection, identifier)
    limit = request.number("limit", DEFAULT, MOST)
    wanted = access.chosen(request, "include")
    ids = [
        external_id
        for external_id in graph.identifiers(found.space, found.profile)
        if wanted is None or external_id.type in wanted
    ]
    page, cursor = access.listed(request, ids, _place, limit)
    return Answer({"data": [shown(external_id) for external_id in page], "cursor": cursor})


def _place(external_id: ExternalId) -> str:
    return f"{external_id.created_at:015d}:{external_id.type}:{external_id.id}"


def shown(external_id: ExternalId) -> dict[str, Any]:
    return {
        "source_id": external_id.source_id,
        "collection": external_id.collection,
        "id": external_id.id,
        "type": external_id.type,
        "created_at": iso(external_id.created_at),
        "encoding": external_id.encoding,
        "first_message_id": external_id.first_message_id,
    }
