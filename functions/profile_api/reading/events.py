"""Events of a profile in the last 14 days: `start`, `end`, `include`, `exclude`, `sort`, `limit`."""

from typing import Any

from personas.clock import now_ms
from personas.core.event import Event
from personas.core.moments import DAY, iso, parse_iso
from personas.http import Answer, Request
from personas.stores import graph, pages
from reading import access

DEFAULT, MOST = 10, 100
KEPT = 14 * DAY
AHEAD = 400 * DAY
"""How far in the future an event's own time may lie and still be listed when no `end` is given."""


def show(request: Request, space: str, collection: str, identifier: str) -> Answer:
    found = access.find(request, space, collection, identifier)
    limit = request.number("limit", DEFAULT, MOST)
    order = request.query.get("sort", "desc")
    if order not in ("asc", "desc"):
        raise access.ValidationFailed("The parameter `sort` must be asc or desc")
    lineage = graph.lineage(found.space, found.profile)
    oldest = now_ms() - KEPT
    events = pages.read(
        found.space, lineage, max(oldest, _moment(request, "start", oldest)), _moment(request, "end", now_ms() + AHEAD)
    )
    included, excluded = access.chosen(request, "include"), access.chosen(request, "exclude") or frozenset()
    listed = [event for event in events if (included is None or event.name in included) and event.name not in excluded]
    page, cursor = access.listed(request, listed, _place, limit, descending=order == "desc")
    return Answer({"data": [_shown(event, found) for event in page], "cursor": cursor})


def _moment(request: Request, name: str, default: int) -> int:
    text = request.query.get(name)
    try:
        return default if text is None else parse_iso(text)
    except ValueError:
        raise access.ValidationFailed(f"The parameter `{name}` must be an ISO 8601 date or timestamp") from None


def _place(event: Event) -> str:
    return f"{event.at:015d}:{event.received:015d}:{event.fingerprint.hex()}"


def _shown(event: Event, found: access.Found) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "external_ids": _external_ids(event),
        "context": event.context,
        "type": event.type,
        "message_id": event.message_id,
        "source_id": event.source,
        "timestamp": iso(event.at),
        "properties": event.properties,
        "event": event.name,
        "related": {found.collection: found.profile},
    }
    return {**shown, "traits": event.traits} if event.type in ("identify", "group") else shown


def _external_ids(event: Event) -> list[dict[str, str]]:
    """The ids that the call itself names."""
    named = (
        ("user_id", "userId", "users"),
        ("anonymous_id", "anonymousId", "users"),
        ("group_id", "groupId", "accounts"),
    )
    return [
        {"collection": collection, "type": kind, "id": event.body[field], "encoding": "none"}
        for kind, field, collection in named
        if event.body.get(field)
    ]
