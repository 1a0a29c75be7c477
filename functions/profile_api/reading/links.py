"""The accounts of a user, with their external ids. Which users an account has is not kept by account yet: none."""

from personas.http import Answer, Request
from personas.stores import graph
from reading import access, external_ids

DEFAULT, MOST = 20, 20


def show(request: Request, space: str, collection: str, identifier: str) -> Answer:
    found = access.find(request, space, collection, identifier)
    limit = request.number("limit", DEFAULT, MOST)
    page, cursor = access.listed(request, list(access.profile_of(found).accounts), str, limit)
    links = [
        {
            "to_collection": "accounts",
            "external_ids": [external_ids.shown(one) for one in graph.identifiers(found.space, account)],
        }
        for account in page
    ]
    return Answer({"data": links, "cursor": cursor})
