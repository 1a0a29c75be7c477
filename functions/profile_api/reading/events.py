"""Events of a profile in the last 14 days: `start`, `end`, `include`, `exclude`, `sort`, `limit`."""

from typing import Any

from personas.clock import now_ms
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.identity.external_id import ENCODING
from personas.core.identity.extraction import extract
from personas.core.identity.rules import Rules
from personas.core.moments import DAY, iso, parse_iso
from personas.core.profile.delivery import led_by
from personas.http import Answer, Request
from personas.stores import graph, identity_rules, pages, profiles
from personas.whose import Owners
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
    oldest = now_ms() - KEPT
    start, end = max(oldest, _moment(request, "start", oldest)), _moment(request, "end", now_ms() + AHEAD)
    events = _events(found, start, end)
    included, excluded = access.chosen(request, "include"), access.chosen(request, "exclude") or frozenset()
    listed = [event for event in events if (included is None or event.name in included) and event.name not in excluded]
    page, cursor = access.listed(request, listed, _place, limit, descending=order == "desc")
    rules = identity_rules.current(found.space)
    return Answer({"data": [_shown(event, found, rules) for event in page], "cursor": cursor})


def _events(found: access.Found, start: int, end: int) -> list[Event]:
    root = graph.root_of(found.space, found.profile)
    if root is None or not root.origins:
        return pages.read(found.space, (root.id, *root.merged) if root else (), start, end)
    # An unmerge was at work: what it is made of may have been folded by others, and what it folded be another's.
    stored = profiles.read(found.space, root.id)
    made_of = {*graph.members_of(root), *(stored.state.profiles if stored else ())}
    owner = Owners(found.space)

    def mine(folded: pages.Folded) -> pages.Folded:
        owner.ask((profile, led_by(paged)) for profile, paged in folded)
        return [(profile, paged) for profile, paged in folded if owner(profile, led_by(paged)) == root.id]

    return pages.read(found.space, sorted(made_of), start, end, mine)


def _moment(request: Request, name: str, default: int) -> int:
    text = request.query.get(name)
    try:
        return default if text is None else parse_iso(text)
    except ValueError:
        raise access.ValidationFailed(f"The parameter `{name}` must be an ISO 8601 date or timestamp") from None


def _place(event: Event) -> str:
    return f"{event.at:015d}:{event.received:015d}:{event.fingerprint.hex()}"


def _shown(event: Event, found: access.Found, rules: Rules) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "external_ids": [_external_id(identifier) for identifier in _identifiers(event, rules)],
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


def _identifiers(event: Event, rules: Rules) -> tuple[Identifier, ...]:
    extracted = extract(rules, event)
    return extracted.users + extracted.accounts


def _external_id(identifier: Identifier) -> dict[str, str]:
    return {
        "collection": identifier.collection,
        "type": identifier.type,
        "id": identifier.value,
        "encoding": ENCODING,
    }
