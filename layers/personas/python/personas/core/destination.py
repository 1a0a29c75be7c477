"""A destination is a tool that receives what changes in a space, with the settings that its owner gave.

>>> webhook = Destination("des_1", "spa_1", "CRM", "actions-webhook", audiences=("big_spenders",))
>>> webhook.receives("aud_1", "big_spenders"), webhook.receives("aud_2", "other")
(True, False)
"""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from personas.core.errors import InvalidInput

WEBHOOK = "actions-webhook"
TYPES = (WEBHOOK,)
"""Destinations that can be made, by their slug in Segment's catalogue."""

EVERYTHING = 'type = "identify" or type = "track" or type = "group"'


@dataclass(frozen=True, slots=True)
class Destination:
    id: str
    space: str
    name: str
    type: str
    """The slug of the destination in Segment's catalogue, such as `actions-webhook`."""
    enabled: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    subscriptions: tuple[dict[str, Any], ...] = ()
    """As in Segment's Public API: name, enabled, partnerAction, trigger, mapping. None: one that sends everything."""
    audiences: tuple[str, ...] = ()
    """Ids or keys. With `computed_traits` empty as well, the destination receives all of the space."""
    computed_traits: tuple[str, ...] = ()
    created: int = 0
    updated: int = 0

    def receives(self, definition: str, key: str) -> bool:
        """Whether a change of this audience or computed trait goes to it."""
        chosen = self.audiences + self.computed_traits
        return not chosen or definition in chosen or key in chosen

    def to_data(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "space": self.space,
            "name": self.name,
            "type": self.type,
            "enabled": self.enabled,
            "settings": self.settings,
            "subscriptions": list(self.subscriptions),
            "audiences": list(self.audiences),
            "computed_traits": list(self.computed_traits),
            "created": self.created,
            "updated": self.updated,
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Destination":
        lists = {name: tuple(data[name]) for name in ("subscriptions", "audiences", "computed_traits")}
        return cls(**{**data, **lists})


def checked(destination: Destination) -> Destination:
    """The destination, ready to be sent to; a webhook's url may also stand in its settings.

    Raises InvalidInput for a type that is not in the catalogue, and for a webhook without a place to send to.
    """
    if destination.type not in TYPES:
        raise InvalidInput(f"type must be one of {', '.join(TYPES)}", "type")
    subscriptions = destination.subscriptions
    if not subscriptions:
        mapping = {"url": destination.settings.get("url"), "method": "POST", "data": {"@path": "$."}}
        send = {"name": "Send", "enabled": True, "partnerAction": "send", "trigger": EVERYTHING, "mapping": mapping}
        subscriptions = (send,)
    for place, subscription in enumerate(subscriptions):
        if subscription.get("partnerAction") != "send":
            raise InvalidInput("a webhook has one action, send", f"subscriptions.{place}.partnerAction")
        if not _is_url((subscription.get("mapping") or {}).get("url")):
            raise InvalidInput("a webhook needs an http or https url", f"subscriptions.{place}.mapping.url")
    return replace(destination, subscriptions=subscriptions)


def _is_url(given: Any) -> bool:
    if not isinstance(given, str):
        return False
    try:
        parts = urlsplit(given)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
