"""What may stand stored of a definition, by its schedule (docs/contract.md, `options.recomputeEveryHours`).

Invariant: it is what the definition says as of some moment at which lanes were folded, since the last hour of its
schedule that the hourly recompute has been through, and since the last call that touched it; or as of that hour itself,
where nothing turned before it. What a definition reads of others it reads as it is stored of these.
"""

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personas.core.event import Event
from personas.core.moments import HOUR, hour_of
from personas.core.query.definition import Definition
from tests.unit.compute.oracle import Oracle, takes
from tests.unit.profile.looked_at import read_by


@dataclass(frozen=True, slots=True)
class Standing:
    recomputed: int
    """When the hourly recompute was there for the last time (ms)."""
    folded: Sequence[int]
    """When lanes were folded, oldest first."""

    def values(
        self, definition: Definition, now: Oracle, stored: Mapping[str, Any], said: Iterable[Event]
    ) -> Iterator[Any]:
        """What may stand of it, the latest first. `now` knows the profile's events, `said` are the calls that set its
        own traits, `stored` are values of other definitions by key."""
        traits = ChainMap(dict(stored), dict(now.traits))
        for moment in self.moments(definition, touched_at(definition, now.happened, said)):
            yield Oracle([definition], now.happened, traits, now.held, moment).value_of(definition)

    def moments(self, definition: Definition, touched: int) -> Iterator[int]:
        every = definition.options.every_hours
        due = hour_of(self.recomputed) // every * every * HOUR
        for moment in reversed(self.folded):
            if moment < max(due, touched):
                break
            yield moment
        if due >= touched:
            yield due


def touched_at(definition: Definition, events: Iterable[Event], said: Iterable[Event]) -> int:
    """When the last call came that certainly touched it: an event that it takes, or the newest word on one of the
    profile's own traits that it reads. 0: none did."""
    read = {key for _, key in read_by(definition.query, definition.collection)}
    newest: dict[str, Event] = {}
    for event in sorted(said, key=lambda event: (event.at, event.received, event.fingerprint)):
        newest |= dict.fromkeys(read & event.traits.keys(), event)
    taken = (event for event in events if takes(definition, event))
    return max((event.received for event in (*taken, *newest.values())), default=0)
