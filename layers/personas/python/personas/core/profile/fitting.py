"""A profile that is larger than the store can hold is stored with less of its longest values, and they say so.

What is cut is what is stored, sent to tools and told: definitions are evaluated from the state, which has everything,
and so is a profile that is read.

>>> long = Computed("places", "ct_1", "computed_trait", 1, list(range(9_000)), 0)
>>> shorter = shortened(Profile("sp", "use_1", computed={"places": long}))
>>> len(shorter.computed["places"].value), shorter.computed["places"].capped, shortened(Profile("sp", "use_1"))
(4500, True, None)
"""

from dataclasses import replace

import orjson

from personas.core.profile.profile import Computed, Profile

SHORT = 4_000
"""Bytes of a value that is not worth cutting."""


def shortened(profile: Profile) -> Profile | None:
    """With half of its longest computed value; None: there is none that is long."""
    size, longest = max(((_size(entry), key) for key, entry in profile.computed.items()), default=(0, ""))
    if size <= SHORT:
        return None
    entry = profile.computed[longest]
    return replace(profile, computed={**profile.computed, longest: _halved(entry)})


def _size(entry: Computed) -> int:
    return len(orjson.dumps(entry.value)) if isinstance(entry.value, list | str) and len(entry.value) > 1 else 0


def _halved(entry: Computed) -> Computed:
    return entry._replace(value=entry.value[: len(entry.value) // 2], capped=True)
