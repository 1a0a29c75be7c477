"""Custom traits: what identify and group calls say, the newest by event time winning for each key.

Invariant: the outcome does not depend on the order in which calls come, nor on how often. Ties in event time are broken
by the time of receipt, then by the event's fingerprint. A removed trait stays as a marker (value None), so that an
older call does not bring it back.

>>> early, late = Stamp(1, 5, "aa", "src"), Stamp(2, 4, "bb", "src")
>>> traits = {}
>>> set_traits(traits, {"plan": None}, late), set_traits(traits, {"plan": "free", "seats": 0}, early)
(True, True)
>>> traits["plan"].value is None, traits["seats"].value
(True, 0)
>>> of_data(to_data(traits)) == traits
True
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from personas.core.event import Event


class Stamp(NamedTuple):
    """Which call set a trait. The order of stamps is the order in which they win."""

    at: int
    received: int
    fingerprint: str
    source: str

    @classmethod
    def of(cls, event: Event) -> "Stamp":
        return cls(event.at, event.received, event.fingerprint.hex(), event.source)


class Stamped(NamedTuple):
    value: Any
    """None: the trait was removed at that moment."""
    stamp: Stamp


CustomTraits = dict[str, Stamped]


def set_traits(traits: CustomTraits, values: Mapping[str, Any], stamp: Stamp) -> bool:
    """Returns whether anything was newer than what stood there."""
    changed = False
    for key, value in values.items():
        held = traits.get(key)
        if held is None or held.stamp < stamp:
            traits[key] = Stamped(value, stamp)
            changed = True
    return changed


def unite(traits: CustomTraits, others: Mapping[str, Stamped]) -> None:
    """Take in another profile's traits, key by key."""
    for key, other in others.items():
        held = traits.get(key)
        if held is None or held.stamp < other.stamp:
            traits[key] = other


def to_data(traits: Mapping[str, Stamped]) -> dict[str, Any]:
    """Traits of one call share their stamp, so each stamp is written once."""
    places: dict[Stamp, int] = {}
    entries = {key: [held.value, places.setdefault(held.stamp, len(places))] for key, held in traits.items()}
    return {"s": [list(stamp) for stamp in places], "t": entries}


def of_data(data: Mapping[str, Any]) -> CustomTraits:
    stamps = [Stamp(*entry) for entry in data["s"]]
    return {key: Stamped(value, stamps[place]) for key, (value, place) in data["t"].items()}
