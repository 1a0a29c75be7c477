"""Which identifiers an event carries: one function per place where Segment looks (docs/rules.md, "Identifiers").

A new kind of identifier is one more function in EXTRACTORS.

>>> call = {"type": "identify", "userId": "u1", "anonymousId": "null", "traits": {"email": 7}}
>>> event = Event("sp1", "src1", at=0, received=0, body=call)
>>> [(one.type, one.value) for one in extract(Rules.default(), event).users]
[('user_id', 'u1'), ('email', '7')]
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.identity.external_id import ENCODING
from personas.core.identity.rules import Rules

Extractor = Callable[[Event, Rules], Iterator[tuple[str, Any]]]
"""Yields (type, value as the event has it)."""

MAX_TYPE = 100
PLATFORMS = ("android", "ios")


@dataclass(frozen=True, slots=True)
class Extracted:
    """By priority, highest first; of one type, in the order of their places on the event. None is blocked."""

    users: tuple[Identifier, ...]
    accounts: tuple[Identifier, ...]
    """Only group calls name an account."""


def extract(rules: Rules, event: Event) -> Extracted:
    users = [_identifier(*found, "users") for extractor in EXTRACTORS for found in extractor(event, rules)]
    ranked = _ranked(rules, users)
    if event.type == "alias":
        # An alias call never merges (docs/rules.md), so only one identifier may lead it to a profile.
        ranked = ranked[:1]
    accounts = [_identifier(*found, "accounts") for found in _account_ids(event)]
    return Extracted(ranked, _ranked(rules, accounts))


def user_id(event: Event, _rules: Rules) -> Iterator[tuple[str, Any]]:
    yield "user_id", event.body.get("userId")


def anonymous_id(event: Event, _rules: Rules) -> Iterator[tuple[str, Any]]:
    yield "anonymous_id", event.body.get("anonymousId")


def email(event: Event, _rules: Rules) -> Iterator[tuple[str, Any]]:
    for place in _places(event):
        yield "email", place.get("email")


def device_ids(event: Event, _rules: Rules) -> Iterator[tuple[str, Any]]:
    device = _object(event.context, "device")
    platform = str(device.get("type", "")).lower()
    if platform not in PLATFORMS:
        return
    yield f"{platform}.id", device.get("id")
    if device.get("adTrackingEnabled") is True:
        yield f"{platform}.idfa", device.get("advertisingId")
    yield f"{platform}.push_token", device.get("token")


def ga_client_id(event: Event, _rules: Rules) -> Iterator[tuple[str, Any]]:
    yield "ga_client_id", _object(_object(event.context, "integrations"), "Google Analytics").get("clientId")


def braze_id(event: Event, _rules: Rules) -> Iterator[tuple[str, Any]]:
    yield "braze_id", _object(event.context, "Braze").get("braze_id")


def cross_domain_id(event: Event, _rules: Rules) -> Iterator[tuple[str, Any]]:
    for place in _places(event):
        for key in _spellings("cross_domain_id"):
            yield "cross_domain_id", place.get(key)


def configured_keys(event: Event, rules: Rules) -> Iterator[tuple[str, Any]]:
    keyed = rules.keyed()
    if not keyed:
        return
    for place in _places(event):
        for kind, name in keyed:
            for key in _spellings(name):
                yield kind, place.get(key)


def external_ids(event: Event, _rules: Rules) -> Iterator[tuple[str, Any]]:
    return _external_ids(event, "users")


EXTRACTORS: tuple[Extractor, ...] = (
    user_id,
    anonymous_id,
    email,
    device_ids,
    ga_client_id,
    braze_id,
    cross_domain_id,
    configured_keys,
    external_ids,
)


def _account_ids(event: Event) -> Iterator[tuple[str, Any]]:
    """`context.groupId` of other calls neither links nor narrows (docs/rules.md)."""
    if event.type != "group":
        return
    yield "group_id", event.body.get("groupId")
    yield from _external_ids(event, "accounts")


def _external_ids(event: Event, collection: str) -> Iterator[tuple[str, Any]]:
    given = event.context.get("externalIds")
    for entry in given if isinstance(given, list) else ():
        if not isinstance(entry, dict) or entry.get("encoding", ENCODING) != ENCODING:
            continue
        kind = entry.get("type")
        named = isinstance(kind, str) and kind.strip() and len(kind) <= MAX_TYPE
        if named and entry.get("collection", "users") == collection:
            yield str(kind), entry.get("id")


def _places(event: Event) -> Iterator[Mapping[str, Any]]:
    """Where keys of users are read. The traits of a group call are the account's: a company's email is no person's."""
    if event.type != "group":
        yield _object(event.body, "traits")
    yield _object(event.context, "traits")
    yield _object(event.body, "properties")


def _object(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = holder.get(key)
    return found if isinstance(found, dict) else {}


def _identifier(kind: str, value: Any, collection: str) -> Identifier | None:
    """Texts and whole numbers identify; nothing else does."""
    if isinstance(value, str):
        return Identifier(kind, value, collection) if value.strip() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return Identifier(kind, str(value), collection)
    return None


def _ranked(rules: Rules, found: list[Identifier | None]) -> tuple[Identifier, ...]:
    distinct = dict.fromkeys(identifier for identifier in found if identifier and not rules.blocks(identifier))
    return tuple(sorted(distinct, key=lambda identifier: rules.rank(identifier.type)))


@lru_cache(maxsize=4096)
def _spellings(kind: str) -> tuple[str, ...]:
    """
    >>> _spellings("crm_id"), _spellings("crmId"), _spellings("phone")
    (('crm_id', 'crmId'), ('crmId', 'crm_id'), ('phone',))
    """
    first, *rest = kind.split("_")
    camel = first + "".join(part[:1].upper() + part[1:] for part in rest)
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", kind).lower()
    return tuple(dict.fromkeys((kind, camel, snake)))
