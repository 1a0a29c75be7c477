"""A profile that a preview looks at: what is stored of it, and which profiles' rows in the archive are about it.

References to other audiences and traits take the values that are stored on the profile, as far as their definitions
are in force; a user's to an account audience those that are stored on the user's accounts.

>>> from personas.core.profile.profile import Computed
>>> held = {"orders": Computed("orders", "trt_1", "computed_trait", 1, 3, since=0)}
>>> live = DefinitionSet.of(1, [
...     Definition("aud_1", "vip", "VIP", "audience", "users", "trait('orders') > 5", 1),
...     Definition("trt_1", "orders", "Orders", "computed_trait", "users", "event('Order').count()", 1),
... ])
>>> Subject(Profile("spa_1", "use_1", computed=held)).values(live)
{'orders': 3, 'vip': False}
>>> big = DefinitionSet.of(1, [Definition("aud_2", "big", "Big", "audience", "accounts", "trait('size') > 5", 1)])
>>> Subject(Profile("spa_1", "use_1"), audiences=frozenset({"big"})).values(big)
{'big': True}
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.questions import NOBODY, Answers
from personas.core.preview.preview import Overlap
from personas.core.profile.computing import keep_as_custom
from personas.core.profile.profile import Profile
from personas.core.profile.stored import Stored
from personas.core.query.definition import Definition
from personas.core.query.tree import Trait
from personas.core.query.walking import walk

__all__ = ["Definition", "Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    profile: Profile
    contributors: tuple[str, ...] = ()
    """Ids of the profiles whose rows count for it: itself and those that it absorbed; of an account, its members'."""
    answers: Answers = NOBODY
    """Of an account: how its users answer what the previewed definition asks of them."""
    audiences: frozenset[str] = frozenset()
    """Of a user: the keys of the account audiences in which one of its accounts is."""

    @classmethod
    def user(cls, stored: Stored, parted: Collection[str] = ()) -> "Subject | None":
        """None for a tombstone: its rows count for its survivor, as soon as that has taken them over.

        `parted`: profiles of which each row is looked at for itself, and then counts as one of its owner's.
        """
        profile = stored.profile
        if profile.merged_into:
            return None
        others = (one for one in stored.lineage if one not in parted)
        return cls(profile, tuple(dict.fromkeys((profile.id, *others))))

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
        if profile.collection == "users":
            found.update({key: key in self.audiences for key in of_accounts(live)})
        return found


def of_accounts(live: DefinitionSet) -> Mapping[str, Definition]:
    """By key, the account audiences to which users can refer; one of their own definitions goes before it."""
    own = live.named("users")
    return {
        key: definition
        for key, definition in live.named("accounts").items()
        if definition.kind == "audience" and key not in own
    }


def asked_of_accounts(definitions: DefinitionSet, live: DefinitionSet) -> Mapping[str, Definition]:
    """Those to which these definitions of users, or what they ask of users, do refer."""
    read = {node.key for one in definitions.formulas["members"] for node in walk(one.tree) if isinstance(node, Trait)}
    return {key: definition for key, definition in of_accounts(live).items() if key in read}


def is_in(profile: Profile, audience: Definition | Overlap) -> bool:
    held = profile.computed.get(audience.key)
    return held is not None and held.definition == audience.id and held.value is True
