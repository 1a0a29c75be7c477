"""The calls that tell a tool of a change, as Segment shapes them (docs/rules.md, "What tools receive").

An audience is told twice, as `identify` with the boolean trait and as `track` `Audience Entered` or `Audience Exited`;
a trait as `identify` and `track` `Trait Computed`; an account by `group`. Which of them a tool takes, its subscriptions
say. Message ids are derived from what changed, so that a tool recognises what it was sent before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from personas.core.activation.change import Change
from personas.core.moments import iso

_NAMED = ("user_id", "email", "anonymous_id", "group_id")


@dataclass(frozen=True, slots=True)
class Address:
    """Whom one call is about."""

    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None

    def covers(self, type_: str, value: str) -> bool:
        return {"user_id": self.user_id, "anonymous_id": self.anonymous_id, "email": self.email}.get(type_) == value


def calls(change: Change, namespace: str) -> list[dict[str, Any]]:
    """The calls of one change, in the order in which they are sent. `namespace` is the space's slug."""
    if change.collection == "accounts":
        return [_group(change, namespace, group_id) for group_id in _told_groups(change)]
    return [call for address in addresses(change) for call in _user_calls(change, namespace, address)]


def addresses(change: Change) -> list[Address]:
    """One address per email, or per user id where those are more. An exit reaches every anonymous id as well; so does
    everything where there is nothing else to call the profile by. With `only`, those that cover what it names."""
    users, emails = _values(change, "user_id"), _values(change, "email")
    anonymous = _values(change, "anonymous_id")
    newcomers = any(type_ == "anonymous_id" for type_, _ in change.only or ())
    exit_ = change.computation.is_audience and change.value is False
    everyone = newcomers or exit_ or not (users or emails)
    count = max(1, len(users), len(emails), len(anonymous) if everyone else 0)
    found = []
    for place in range(count):
        user = users[min(place, len(users) - 1)] if users else None
        email = emails[place] if place < len(emails) else None
        nobody = None if users else (anonymous[0] if anonymous else change.profile)
        device = anonymous[place] if everyone and place < len(anonymous) else nobody
        found.append(Address(user, device, email))
    if change.only is None:
        return found
    told = [address for address in found if any(address.covers(*pair) for pair in change.only)]
    # An identifier without a field of its own travels in context.externalIds of any call.
    return told or found[:1]


def _user_calls(change: Change, namespace: str, address: Address) -> Iterator[dict[str, Any]]:
    key, value = change.computation.key, change.value
    who = {"userId": address.user_id, "anonymousId": address.anonymous_id}
    who = {name: known for name, known in who.items() if known is not None}
    contact = {"email": address.email} if address.email else {}
    context = _context(change, namespace)
    yield {
        "type": "identify",
        "messageId": _message_id(change, "identify", address),
        **who,
        "traits": {**contact, key: value},
        "context": context,
        "timestamp": iso(change.at),
    }
    if change.computation.is_audience:
        event, properties = ("Audience Entered" if value else "Audience Exited"), {"audience_key": key, key: value}
    else:
        event, properties = "Trait Computed", {"trait_key": key, key: value}
    yield {
        "type": "track",
        "event": event,
        "messageId": _message_id(change, "track", address),
        **who,
        "properties": properties,
        "context": {**context, "traits": contact} if contact else context,
        "timestamp": iso(change.at),
    }


def _group(change: Change, namespace: str, group_id: str) -> dict[str, Any]:
    return {
        "type": "group",
        "messageId": _message_id(change, "group", Address(user_id=group_id)),
        "groupId": group_id,
        "anonymousId": change.profile,
        "traits": {change.computation.key: change.value},
        "context": _context(change, namespace),
        "timestamp": iso(change.at),
    }


def _told_groups(change: Change) -> tuple[str, ...]:
    groups = _values(change, "group_id")
    if change.only is None:
        return groups
    return tuple(group for group in groups if ("group_id", group) in change.only) or groups[:1]


def _context(change: Change, namespace: str) -> dict[str, Any]:
    context: dict[str, Any] = {
        "personas": {
            "computation_class": "audience" if change.computation.is_audience else "trait",
            "computation_id": change.computation.id,
            "computation_key": change.computation.key,
            "namespace": namespace,
            "space_id": change.space,
        }
    }
    others = [
        {"id": value, "type": type_, "collection": change.collection, "encoding": "none"}
        for type_, values in sorted(change.identifiers.items())
        if type_ not in _NAMED
        for value in values
    ]
    if others:
        context["externalIds"] = others
    return context


def _values(change: Change, type_: str) -> tuple[str, ...]:
    identifiers: Mapping[str, tuple[str, ...]] = change.identifiers
    return identifiers.get(type_, ())


def _message_id(change: Change, call: str, address: Address) -> str:
    parts = (
        change.space,
        change.profile,
        change.computation.id,
        str(change.version),
        call,
        address.user_id or "",
        address.anonymous_id or "",
        address.email or "",
    )
    return "personas_" + blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
