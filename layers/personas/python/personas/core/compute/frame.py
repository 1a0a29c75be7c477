"""One profile at one moment, as its definitions are evaluated: what they read, and until when what they read holds."""

from collections.abc import Mapping
from typing import Any

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.monoids import CUT, event_of
from personas.core.compute.tally import Tally
from personas.core.moments import HOUR, hour_of

Kept = tuple[Any, ...]
"""An event of a list: its moment, the values of each field that is kept, and how often there is such a one."""


class Frame:
    __slots__ = ("_lists", "_seen", "_tallies", "_traits", "at", "capped", "computed", "due", "hour", "values")

    def __init__(
        self, tallies: Mapping[str, Tally], traits: Mapping[str, Any], computed: Mapping[str, Any], at: int
    ) -> None:
        self._tallies = tallies
        self._traits = traits
        self._seen: dict[str, tuple[Any, bool, int | None]] = {}
        self._lists: dict[str, list[Kept]] = {}
        self.computed = computed
        """The definitions by key: their values hide custom traits of the same key."""
        self.at = at
        self.hour = hour_of(at)
        self.due: int | None = None
        self.capped = False
        """Whether something was read that had more distinct values than are kept; the reader resets it."""
        self.values: dict[str, Any] = {}

    def trait(self, key: str) -> Any:
        return self.values.get(key) if key in self.computed else self._traits.get(key)

    def look(self, aggregate: Aggregate) -> tuple[Any, bool]:
        """The aggregate's partial, and whether it has ever seen an event."""
        found = self._seen.get(aggregate.id)
        if found is None:
            tally = self._tallies.get(aggregate.id)
            found = (None, False, None) if tally is None else tally.partial(aggregate, self.at, self.hour)
            self._seen[aggregate.id] = found
        partial, seen, due = found
        if due is not None and (self.due is None or due < self.due):
            self.due = due
        if partial.__class__ is dict and CUT in partial:
            self.capped = True
        return partial, seen

    def listed(self, aggregate: Aggregate) -> tuple[list[Kept], bool]:
        """The events of an aggregate that is a list, oldest first, and whether it has ever seen one."""
        partial, seen = self.look(aggregate)
        found = self._lists.get(aggregate.id)
        if found is None:
            events = [(key, count) for key, count in (partial or {}).items() if count > 0 and key != CUT]
            found = [(*event_of(key), count) for key, count in events]
            found.sort(key=lambda event: int(event[0]))
            self._lists[aggregate.id] = found
        return found, seen

    def turns_at(self, moment: int) -> None:
        """Something that was read changes at this moment, if that is still to come."""
        if moment > self.at:
            hour = -(-moment // HOUR)
            if self.due is None or hour < self.due:
                self.due = hour
