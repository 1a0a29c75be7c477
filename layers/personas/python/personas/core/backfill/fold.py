"""Fold rows of the archive into partial states of just the aggregates that lack their past, by the profile on the row
(or by whose the row is, where that profile has been taken apart).

The seam: a row says with which version of the definitions its profile folded the event. Aggregates that were kept then
have counted it in their tiles; those that are kept since a later version get it from here. So nothing counts twice, and
nothing is lost, whatever was in flight when a lane passed the barrier. Merges are never resolved: what two profiles
counted of one event, and that one of them was taken back, are rows like any other, and add up wherever they meet.

This is the stream's code. Of many rows SQL folds what it can say exactly, and to the same states
(personas/backfill_fold.py).
"""

from collections.abc import Collection, Iterator
from typing import Any

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.profile.delivery import Accepted


def names(definitions: DefinitionSet) -> set[str]:
    """Of the events of which rows are to be taken: no other adds anything."""
    return {definitions.aggregates[lacking].event for lacking in definitions.lacking}


def since(definitions: DefinitionSet) -> int | None:
    """Likewise the moment (ms) from which on: what all of them look back to; None: to the beginning."""
    back = [definitions.aggregates[lacking].since for lacking in definitions.lacking]
    return min((moment for moment in back if moment is not None), default=None) if None not in back else None


class Fold:
    """Takes each row once, in any order."""

    def __init__(self, definitions: DefinitionSet, now_ms: int, among: Collection[str] | None = None) -> None:
        """`among`: the ids of the aggregates that it is about; None: all that lack their past."""
        self._definitions, self._now, self._among = definitions, now_ms, among
        self._lacked: dict[int, DefinitionSet] = {}
        self._states: dict[tuple[str, str], ComputeState] = {}

    def take(self, row: Accepted, owner: str) -> None:
        """`owner`: the profile on the row, or whose the row is where that one has been taken apart."""
        lacked = self._lacked.get(row.version)
        if lacked is None:
            lacked = self._lacked[row.version] = self._definitions.lacked_at(row.version, self._among)
        if not lacked.listens(row.event.name):
            return
        state = self._states.setdefault((row.profile, owner), ComputeState())
        if row.taken_back:
            state.retract(lacked, row.event, self._now)
        else:
            state.add(lacked, row.event, self._now)

    def parts(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """What is to be added from the rows of a profile, and to whom, as data; nothing is left out."""
        for (profile, owner), state in sorted(self._states.items(), key=lambda entry: entry[0]):
            if state:
                yield profile, owner, state.to_data()
