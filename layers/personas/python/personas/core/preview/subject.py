"""A profile that a preview looks at: what is stored of it, and which profiles' rows in the archive are about it.

References to other audiences and traits take the values that are stored on the profile, as far as their definitions
are in force.

>>> from personas.core.profile.profile import Computed
>>> held = {"orders": Computed("orders", "trt_1", "computed_trait", 1, 3, since=0)}
>>> live = DefinitionSet.of(1, [
...     Definition("aud_1", "vip", "VIP", "audience", "users", "trait('orders') > 5", 1),
...     Definition("trt_1", "orders", "Orders", "computed_trait", "users", "event('Order').count()", 1),
... ])
>>> Subject(Profile("spa_1", "use_1", computed=held)).values(live)
{'orders': 3, 'vip': False}
"""

from dataclasses import dataclass
from typing import Any

from personas.core.compute.definition_set import DefinitionSet
from personas.core.profile.computing import keep_as_custom
from personas.core.profile.profile import Profile
from personas.core.profile.stored import Stored
from personas.core.query.definition import Definition

__all__ = ["Definition", "Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    profile: Profile
    contributors: tuple[str, ...] = ()
    """Ids of the profiles whose rows count for it: itself and those that it absorbed; of an account, its members'."""

    @classmethod
    def user(cls, stored: Stored) -> "Subject | None":
        """None for a tombstone: its rows count for its survivor, as soon as that has taken them over."""
        profile = stored.profile
        return None if profile.merged_into else cls(profile, (profile.id, *stored.state.lineage))

    def values(self, live: DefinitionSet) -> dict[str, Any]:
        """What `trait('key')` reads: `live` are the space's definitions that are in force."""
        profile = self.profile
        named = live.named(profile.collection)
        custom = dict(profile.custom)
        keep_as_custom(custom, profile.computed, live, profile.collection)
        found = {key: held.value for key, held in custom.items() if key not in named and held.value is not None}
        for key, definition in named.items():
            entry = profile.computed.get(key)
            if entry is not None and entry.definition == definition.id:
                found[key] = entry.value
            elif definition.kind == "audience":
                found[key] = False
        return found
