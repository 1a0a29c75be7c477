"""The trait log: a profile's traits after each commit that changed one, with computed values and memberships.

The archive keeps it (stores/trait_log.py). Invariant: a profile's last entry has what is set on it now. One that became
part of another has no entry for that: its survivor has.

>>> from dataclasses import replace
>>> from personas.core.profile.custom import Stamp, Stamped
>>> from personas.core.profile.profile import Computed
>>> old = Profile("sp", "use_1", v=1, custom={"plan": Stamped("free", Stamp(5, 5, "aa", "src"))})
>>> new = replace(old, v=2, computed={"vip": Computed("vip", "aud_1", "audience", 1, True, 9)})
>>> entry_of(old, new).traits, entry_of(old, new).at, entry_of(old, replace(old, v=2, events=7))
({'plan': 'free', 'vip': True}, 9, None)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personas.core.profile.profile import Profile, Trait
from personas.core.values import same


@dataclass(frozen=True, slots=True)
class Entry:
    space: str
    profile: str
    collection: str
    version: int
    """Of the profile: it grows with every commit."""
    at: int | None
    """Ms: the newest of the changed traits' own times; None where traits were only removed."""
    traits: Mapping[str, Any]
    """All that is set, by key."""
    identifiers: Mapping[str, tuple[str, ...]]
    """By type, as folded events carried them."""


def entry_of(old: Profile | None, new: Profile) -> Entry | None:
    """Of a commit; None where it changed no trait, or made the profile part of another."""
    if new.merged_into:
        return None
    before, after = _traits(old), _traits(new)
    changed = [trait.at for key, trait in after.items() if key not in before or not _same(before[key], trait)]
    if not changed and before.keys() == after.keys():
        return None
    values = {key: trait.value for key, trait in after.items()}
    at = max(changed, default=None)
    return Entry(new.space, new.id, new.collection, new.v, at, values, new.identifiers)


def _traits(profile: Profile | None) -> dict[str, Trait]:
    return profile.traits() if profile and not profile.merged_into else {}


def _same(one: Trait, other: Trait) -> bool:
    """True is not 1."""
    return same(one.value, other.value)
