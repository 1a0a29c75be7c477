"""A destination is a tool that receives what changes in a space, with the settings that its owner gave.

>>> webhook = Destination("des_1", "spa_1", "CRM", "actions-webhook", audiences=("big_spenders",))
>>> webhook.receives("aud_1", "big_spenders"), webhook.receives("aud_2", "other")
(True, False)
"""

from dataclasses import dataclass, field
from typing import Any


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
