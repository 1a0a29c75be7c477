"""The accounts of a user, or the users of an account, with their external ids.

An account learns of its users as their profiles are written, so that one who joined is listed some moments later.
"""

from itertools import islice

from personas.http import Answer, Request
from personas.stores import graph, links
from reading import access, external_ids

DEFAULT, MOST = 20, 20
LINKED = {"users": "accounts", "accounts": "users"}


def show(request: Request, space: str, collection: str, identifier: str) -> Answer:
    found = access.find(request, space, collection, identifier)
    limit = request.number("limit", DEFAULT, MOST)
    page, cursor = access.listed(request, _linked(request, found, limit), str, limit)
    shown = [
        {
            "to_collection": LINKED[collection],
            "external_ids": [external_ids.shown(one) for one in graph.identifiers(found.space, profile)],
        }
        for profile in page
    ]
    return Answer({"data": shown, "cursor": cursor})


def _linked(request: Request, found: access.Found, limit: int) -> list[str]:
    """Of an account's users only those of the page that is asked for, and whether there is another one."""
    if found.collection == "users":
        return list(access.profile_of(found).accounts)
    pages = links.pages(found.space, found.profile, after=request.query.get("next", ""), limit=limit + 1)
    return list(islice((user for page, _ in pages for user in page), limit + 1))
