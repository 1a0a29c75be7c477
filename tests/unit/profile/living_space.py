"""A space in which everything happens, and what must hold of it whenever it has come to rest.

Events come by the real identity stage, the lanes are folded by the real handlers, definitions go through the real
backfill; beside them goes a plain history, from which all is counted again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from personas import backfill_due
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.identity.known import ROOT_AGE
from personas.core.moments import HOUR, hour_of
from personas.core.profile.profile import Profile
from personas.core.query.definition import Definition
from personas.core.saved_definition import SavedDefinition
from personas.stores import profiles, unmerges
from tests.unit.compute.oracle import Oracle
from tests.unit.identity import identity_world
from tests.unit.identity.naive_identity import Person, Tie
from tests.unit.profile.desk import Desk
from tests.unit.profile.identified_world import IdentifiedWorld
from tests.unit.profile.looked_at import LookedAt, Name, asks_members, name_of
from tests.unit.profile.plane import Clock, Plane
from tests.unit.profile.recount import Call, History, Recount
from tests.unit.profile.runs import Runs
from tests.unit.profile.standing import Standing


class Left(NamedTuple):
    """Of a computed trait that is computed no more, the value that a profile had. An unmerge takes it away, as it is no
    event (docs/identity.md)."""

    whose: Identifier
    key: str
    value: Any
    since: int


@dataclass
class LivingSpace:
    plane: Plane
    clock: Clock
    world: IdentifiedWorld = field(init=False)
    desk: Desk = field(init=False)
    history: History = field(default_factory=History)
    sent: list[Event] = field(default_factory=list)
    unsure: set[Name] = field(default_factory=set)
    """Changed since all profiles were evaluated for the last time: some may show what was before."""
    left: list[Left] = field(default_factory=list)
    computed_at: int = 0
    """When all that was due by then had been ticked."""

    def __post_init__(self) -> None:
        self.world = IdentifiedWorld(self.plane, self.clock)
        self.desk = Desk(self.world, Runs(self.world))
        self.world.create()

    # what happens

    def send(self, body: dict[str, Any], at: int) -> None:
        self.clock.ms += 1
        event = self.world.event(f"m{len(self.sent)}", body, at)
        self.sent.append(event)
        self.resolve(event)

    def resolve(self, event: Event) -> None:
        self.history.add(event)
        self.world.identify(event)

    def bridges(self) -> list[tuple[Person, Tie]]:
        """The merges that stand, and who was made by each."""
        return [(person, bridge) for person in self.history.people.people for bridge in person.bridges]

    def divisible(self) -> list[Person]:
        return [person for person in self.history.people.people if len(person.gained) > 1]

    def undo(self, person: Person, bridge: Tie, soon: bool) -> None:
        if not unmerges.pending(self.world.space):
            assert self.world.undo(self._profile(person), frozenset(bridge)), "it is listed"
            with self._dividing(person, soon):
                self.history.people.undo(person, bridge)

    def take_out(self, person: Person, leaving: list[Identifier], soon: bool) -> None:
        if not unmerges.pending(self.world.space):
            self.world.take_out(self._profile(person), leaving)
            with self._dividing(person, soon):
                self.history.people.take_out(person, leaving)

    @contextmanager
    def _dividing(self, person: Person, soon: bool) -> Iterator[None]:
        """A worker may not notice for five minutes (docs/identity.md): so others resolve what comes soon."""
        self.left = [one for one in self.left if one.whose not in person.gained]
        yield
        # What accounts are to be counted once more is not said: they may all be under way.
        self.unsure |= {name for saved in self.desk.all() if (name := name_of(saved.definition))[0] == "accounts"}
        self.desk.runs.start()
        if soon:
            identity_world.forget_known()
        else:
            self.clock.ms += ROOT_AGE + 1

    def stop(self, known: SavedDefinition, how: str) -> None:
        """Disable or delete it: the values that profiles have stay with them."""
        self.rest()
        for whose, profile in self._living():
            entry = profile.computed.get(known.definition.key)
            if entry and entry.definition == known.id and entry.kind == "computed_trait":
                self.left.append(Left(whose, entry.key, entry.value, entry.since))
        self.unsure.add(name_of(known.definition))
        if how == "delete":
            self.desk.delete(known)
        else:
            self.desk.disable(known)
        self.desk.runs.finish()
        self.world.tool.forget(known.id)

    def recompute(self) -> None:
        self.world.recompute()
        self.computed_at = self.clock.ms

    # what must hold

    def rest(self) -> None:
        """All that was sent is folded and told, and nobody does anything else."""
        self.world.settle()
        if not self.desk.runs.running and not backfill_due.is_due(self.world.space):
            self.unsure.clear()

    def hold(self) -> None:
        self.rest()
        self._hold_people()
        if not unmerges.pending(self.world.space):
            self._hold_values()
            for _, profile in self._living():
                self.world.tool.agrees(profile)

    def hold_at_the_hour(self, every: int = 1) -> None:
        """When all is done that was asked for, what had failed too, and the recompute of the next hour of that schedule
        has been, though perhaps of none before it."""
        self.world.settle()
        self.desk.runs.finish()
        for failed in [one for one in self.desk.all() if one.enabled and one.failure]:
            self.unsure.add(name_of(failed.definition))
            self.desk.restart(failed)
        self.desk.runs.finish()
        self.clock.ms = (self.clock.ms // (every * HOUR) + 1) * every * HOUR
        self.recompute()
        self.hold()
        assert all(one.live == one.definition for one in self.desk.all() if one.enabled)
        looked_at, hour = LookedAt.among(self._live()), hour_of(self.clock.ms)
        not_due = [name for name in map(name_of, self._live()) if not looked_at.is_due(name, hour)]
        for whose, profile in self._living():
            shown = self.world.now(profile.id)
            assert shown, whose
            late = {key for collection, key in not_due if collection == profile.collection}
            assert _said(profile, late) == _said(shown, late), f"what is stored of {whose} is kept true"

    def hold_nothing_early(self) -> None:
        """At any time: of what is being prepared nothing shows."""
        saved = {one.id: one for one in self.desk.all()}
        for _, profile in self._living():
            shown = self.world.now(profile.id)
            for entry in shown.computed.values() if shown else ():
                known = saved.get(entry.definition)
                # What is only counted once more, after an unmerge, has the version that stands meanwhile.
                if known and known.pending and not (known.live and known.live.version == known.definition.version):
                    assert entry.version != known.definition.version, entry

    def _hold_people(self) -> None:
        for people in (self.history.people, self.history.accounts):
            gained = [one for person in people.people for one in person.gained]
            sets: dict[str | None, set[Identifier]] = {}
            for one in gained:
                sets.setdefault(self.world.find(one), set()).add(one)
            assert {frozenset(ids) for ids in sets.values()} == people.partition()

    def _hold_values(self) -> None:
        recount = Recount(self.history, self._live(), self.clock.ms, self._kept())
        sure = self._sure()
        certain = {name for name in sure if self._is_shown_as_of_now(name)}
        for person in self.history.people.people:
            calls = self.history.of(person)
            profile = self._shown(person)
            if person.gained:
                assert profile, person
                said = [call for call in calls if call.event.type == "identify"]
                assert _plain(profile.values()) == _plain(recount.custom(person, said))
                assert profile.events == len(calls)
                accounts = {self._profile(one) for one in self.history.accounts.people}
                mine = [one for one in self.history.accounts.people if person in self.history.users(one)]
                assert set(profile.accounts) & accounts == {self._profile(one) for one in mine}
                self._hold_computed(profile, recount.user(person), recount.definitions["users"], certain)
                answers = {
                    key: any(self._stored(one, entry) for one in mine) for key, entry in recount.audiences.items()
                }
                self._hold_stored(person, recount.user(person), recount.definitions["users"], sure, said, answers)
        for account in self.history.accounts.people:
            profile, said = self._shown(account), self.history.to(account)
            assert profile
            assert _plain(profile.values()) == _plain(recount.custom(account, said))
            self._hold_computed(profile, recount.account(account), recount.definitions["accounts"], certain)
            self._hold_stored(account, recount.account(account), recount.definitions["accounts"], sure, said, {})

    def _hold_stored(
        self,
        person: Person,
        now: Oracle,
        definitions: list[Definition],
        sure: set[Name],
        said: list[Call],
        answers: dict[str, bool],
    ) -> None:
        """What ANY and ALL ask of users is as of the moments of each of these, and is held on the hour only."""
        standing = Standing(self.computed_at, self.world.folded)
        stored = answers | {one.key: self._stored(person, one) for one in definitions}
        for definition in definitions:
            if name_of(definition) in sure and not asks_members(definition.query):
                found = _plain(stored[definition.key])
                may_stand = standing.values(definition, now, stored, [call.event for call in said])
                assert any(found == _plain(value) for value in may_stand), (definition, person, found)

    def _stored(self, person: Person, definition: Definition) -> Any:
        profile = self.world.stored(self._profile(person))
        entry = profile.computed.get(definition.key) if profile else None
        return entry.value if entry else False if definition.kind == "audience" else None

    def _hold_computed(
        self,
        profile: Profile,
        oracle: Oracle,
        definitions: list[Definition],
        certain: set[Name],
    ) -> None:
        for definition in definitions:
            if name_of(definition) in certain:
                none = False if definition.kind == "audience" else None
                entry = profile.computed.get(definition.key)
                expected = oracle.value_of(definition)
                found = entry.value if entry else none
                assert _plain(found) == _plain(expected), (
                    definition,
                    profile.id,
                )
                assert not entry or entry.version == definition.version
        names = {definition.key for definition in definitions}
        if not self.unsure:
            assert profile.computed.keys() <= names

    def _live(self) -> list[Definition]:
        return [one.live for one in self.desk.all() if one.live]

    def _sure(self) -> set[Name]:
        """Live definitions that every profile was evaluated with, as it was with all that they look at."""
        looked_at = LookedAt.among(each for one in self.desk.all() for each in (one.live, one.definition))
        return {name for one in self._live() if not looked_at.names(name := name_of(one)) & self.unsure}

    def _is_shown_as_of_now(self, name: Name) -> bool:
        """What others are asked about is as of the last change, or of the last recompute by the schedule of what asks
        and of what is asked about (docs/contract.md)."""
        looked_at = LookedAt.among(self._live())
        on_the_hour = self.clock.ms == self.computed_at and self.clock.ms % HOUR == 0
        return not looked_at.is_across(name) or (on_the_hour and looked_at.is_due(name, hour_of(self.clock.ms)))

    def _kept(self) -> dict[Person, dict[str, Any]]:
        """Values of deleted definitions that somebody has: the newest of those that became one."""
        kept: dict[Person, dict[str, Any]] = {}
        for left in sorted(self.left, key=lambda one: one.since):
            people = self.history.accounts if left.whose.collection == "accounts" else self.history.people
            person = people.find(left.whose)
            if person:
                kept.setdefault(person, {})[left.key] = left.value
        return kept

    def _profile(self, person: Person) -> str:
        found = self.world.find(next(iter(person.gained)))
        assert found
        return found

    def _shown(self, person: Person) -> Profile | None:
        return self.world.now(self._profile(person)) if person.gained else None

    def _living(self) -> Iterator[tuple[Identifier, Profile]]:
        """As they are stored, each with one of its identifiers."""
        for people in (self.history.people, self.history.accounts):
            for person in people.people:
                stored = profiles.read(self.world.space, self._profile(person)) if person.gained else None
                if stored:
                    yield next(iter(person.gained)), stored.profile


def _said(profile: Profile, late: set[str]) -> bytes:
    """Of all but what is not due yet."""
    entries = [entry for entry in profile.computed.values() if entry.key not in late]
    return _plain({entry.key: [entry.version, entry.value] for entry in entries})


def _plain(values: Any) -> bytes:
    """Numbers by value and all else by type, too."""
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
