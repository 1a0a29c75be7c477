"""A profile in the hands of its actor: what it is made of, and what it shows.

Invariant: the two are the same, but for a profile that begins anew. Until a rebuild has given it its share of what it
was, it shows what it showed before.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from personas.core.compute.state import ComputeState
from personas.core.identifier import Identifier
from personas.core.profile.life import Identifiers, Life
from personas.core.profile.part import Part
from personas.core.profile.parted import Ended
from personas.core.profile.profile import Computed, Profile
from personas.core.profile.state import State
from personas.core.profile.stretch import Place, Stretch


class Subject:
    """Mutable."""

    __slots__ = ("held", "life", "merged", "shown", "state", "stored")

    def __init__(self, stored: Profile, state: State) -> None:
        self.stored, self.state = stored, state
        waits = bool(state.parted.awaited)
        made_of = Part.of_data(state.fresh) if waits else stored
        self.life = Life.of(made_of)
        self.held = dict(made_of.members if isinstance(made_of, Part) else made_of.computed)
        """Values that were announced."""
        self.merged = dict(made_of.merged)
        """Kept when it begins anew: what they said to their accounts has ended all the same."""
        self.shown: Profile | None = stored if waits else None
        """Set while it waits for its share."""

    @property
    def id(self) -> str:
        return self.stored.id

    def draft(self, computed: Mapping[str, Computed]) -> Profile:
        """Of what it is made of."""
        life, stored = self.life, self.stored
        return Profile(
            space=stored.space,
            id=stored.id,
            v=stored.v,
            sequence=stored.sequence,
            custom=life.custom,
            computed=computed,
            identifiers=life.listed,
            accounts=tuple(sorted(life.accounts)),
            first=life.first,
            last=life.last,
            events=self.state.events,
            merged_into=self.state.into,
            epoch=self.state.parted.epoch,
            answers={},
            merged=self.merged,
        )

    @property
    def accounts(self) -> set[str]:
        """Those to which it belongs, and those that are told so while it waits."""
        return {*self.life.accounts, *(self.shown.accounts if self.shown else ())}

    def part(self, place: Place, at: int) -> Part:
        """All that it has, at the place of its lane where it merges into another; `at`: when it did so, in ms."""
        return Part.of_merged(self.draft(self.held), self.state, self._own(place), tuple(sorted(self.accounts)), at)

    def freeze(self) -> Profile:
        """It goes on showing what it shows."""
        if self.shown is None:
            self.shown = self.draft(self.held)
        return self.shown

    def shows_no_more(self, keys: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Identifiers, by their digests, while it waits; returns those that it had shown."""
        shown = self.freeze()
        gone: dict[str, tuple[str, ...]] = {}
        stay: dict[str, tuple[str, ...]] = {}
        for kind, values in shown.identifiers.items():
            for kept, wanted in ((gone, True), (stay, False)):
                some = tuple(value for value in values if (Identifier(kind, value).digest in keys) is wanted)
                if some:
                    kept[kind] = some
        self.shown = replace(shown, identifiers=stay)
        return gone

    def shows_too(self, identifiers: Identifiers) -> None:
        shown = self.freeze()
        united = dict(shown.identifiers)
        for kind, values in identifiers.items():
            united[kind] = tuple(sorted({*united.get(kind, ()), *values}))
        self.shown = replace(shown, identifiers=united)

    def inherit(self, members: Mapping[str, Computed]) -> None:
        """Memberships of another that were announced: where one ends now or has just ended, its exit is due."""
        for key, membership in members.items():
            mine = self.held.get(key)
            if membership.kind != "audience" or (mine and mine.value is True):
                continue
            if mine is None or membership.value is True or mine.since < membership.since:
                self.held[key] = membership

    def end(self, place: Place) -> tuple[Ended, ...]:
        """It begins anew; returns what it had counted until then, and what it still awaited of that."""
        state = self.state
        lacking = state.parted.lacking()
        lineage = list(dict.fromkeys((*state.lineage, self._own(place))))
        counted = tuple(stretch for stretch in lineage if stretch not in lacking)
        ended = Ended(counted, tuple(sorted(self.life.accounts)))
        cold = state.compute.cold
        self.clear(place)
        state.compute.cold.gone = (*cold.gone, *cold.refs)
        state.lineage = lineage
        return ended, *(one for awaited in state.parted.awaited.values() for one in awaited.ended)

    def clear(self, place: Place) -> None:
        """Nothing is left but the memory, and who left."""
        self.life = Life()
        self.state.compute = ComputeState()
        self.state.due, self.state.lineage, self.state.events = None, [], 0
        self.state.parted.since = place

    def keep(self) -> None:
        """Put into the state what the profile does not show."""
        self.state.fresh = Part.of_living(self.draft(self.held)).to_data() if self.shown is not None else {}

    def _own(self, place: Place) -> Stretch:
        return Stretch(self.id, self.state.parted.since, place)
