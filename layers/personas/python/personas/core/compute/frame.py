"""One profile at one moment, as its definitions are evaluated: what they read, and until when what they read holds."""

from collections.abc import Callable, Mapping
from typing import Any

from personas.core.compute.aggregate import Aggregate
from personas.core.compute.cold import ColdPart
from personas.core.compute.monoids import CUT, event_of
from personas.core.compute.questions import NOBODY, Answers, Asked
from personas.core.compute.tallies import Tallies
from personas.core.moments import HOUR, hour_of

Kept = tuple[Any, ...]
"""An event of a list: its moment, the values of each field that is kept, and how often there is such a one."""
Found = tuple[Any, bool, int | None, bool]
"""Of an aggregate: the partial, whether it has ever seen an event, when either may change, whether values were cut."""

FAR = 1 << 60
"""An hour that never comes."""
_NOTHING: Mapping[str, Any] = {}
_ELSEWHERE: Mapping[str, Any] = {"": {}}


def _no_value(_key: str) -> None:
    return None


class Frame:
    __slots__ = (
        "_answers",
        "_asked",
        "_cold",
        "_lists",
        "_tallies",
        "_traits",
        "at",
        "capped",
        "computed",
        "due",
        "found",
        "hour",
        "merged",
        "open",
        "packed",
        "stood",
        "types",
        "unanswered",
        "unpacked",
        "values",
    )

    def __init__(
        self,
        tallies: Tallies,
        traits: Mapping[str, Any],
        computed: Mapping[str, Any],
        at: int,
        asked: Mapping[str, str] = _NOTHING,
        answers: Answers = NOBODY,
        cold: tuple[ColdPart, ...] = (),
        types: frozenset[str] = frozenset(),
    ) -> None:
        """`asked` are the questions behind keys of the other level's audiences, `cold` what `tallies` begin after,
        `types` those of the profile's identifiers, of which a member of an audience needs one."""
        self._tallies, self._cold = tallies, cold
        self.packed: Mapping[str, Any] = _NOTHING if cold else tallies.packed
        """Where all that is kept of an aggregate can be read, if it is there."""
        self.unpacked: Mapping[str, Any] = _ELSEWHERE if cold else tallies.unpacked
        """What is not there lies here, or nowhere if this is empty."""
        self.merged: dict[str, Any] = {}
        """Of windows, the partials of all tiles, where that took some work."""
        self.types = types
        self._traits = traits
        self.found: dict[str, Found] = {}
        """What `find` has found already, by aggregate."""
        self._lists: dict[str, list[Kept]] = {}
        self._asked, self._answers = asked, answers
        self.computed = computed
        """The definitions by key: their values hide custom traits of the same key."""
        self.at = at
        self.hour = hour_of(at)
        self.due = FAR
        """The first hour at which something that was read may change."""
        self.capped = False
        """Whether something was read that had more distinct values than are kept; the reader resets it."""
        self.unanswered = False
        """Whether something was read that others have not answered yet; the reader resets it."""
        self.open: set[str] = set()
        """Keys of the definitions that wait for an answer: they have the value that stood."""
        self.values: dict[str, Any] = {}
        """What has been evaluated, by key."""
        self.stood: Callable[[str], Any] = _no_value
        """Of a definition that is not evaluated, the value that it has."""

    def trait(self, key: str) -> Any:
        if key in self.computed:
            self.unanswered |= key in self.open
            return self.values[key] if key in self.values else self.stood(key)
        question = self._asked.get(key)
        return self._traits.get(key) if question is None else self._answered(self._answers.some(question))

    def ask(self, asked: Asked, question: str) -> bool:
        return self._answered(asked.holds(self._answers, question))

    def _answered(self, answer: bool | None) -> bool:
        self.unanswered |= answer is None
        return bool(answer)

    def find(self, aggregate: Aggregate) -> Found:
        looked = self._tallies.look(aggregate, self.at, self.hour)
        if self._cold:
            for part in self._cold:
                looked = part.added_to(looked, aggregate, self.at, self.hour)
        partial, seen, due = looked
        found = self.found[aggregate.id] = partial, seen, due, partial.__class__ is dict and CUT in partial
        return found

    def look(self, aggregate: Aggregate) -> tuple[Any, bool]:
        """The aggregate's partial, and whether it has ever seen an event; the rest is noted here."""
        partial, seen, due, cut = self.found.get(aggregate.id) or self.find(aggregate)
        if due is not None and due < self.due:
            self.due = due
        if cut:
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

    @property
    def turns(self) -> int | None:
        """The hour of `due`; None: nothing that was read ever changes by itself."""
        return None if self.due == FAR else self.due

    def turns_at(self, moment: int) -> None:
        """Something that was read changes at this moment, if that is still to come."""
        if moment > self.at:
            self.due = min(self.due, -(-moment // HOUR))
