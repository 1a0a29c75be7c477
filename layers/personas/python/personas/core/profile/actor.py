"""The actor of one profile: takes what arrives on its lane, in order, and is the only one that changes the profile.

Invariant: whatever is repeated changes nothing. A redelivery of this hop is known by its sequence number, an event by
its fingerprint, a part by its key, or by its number above the watermark of the lane that sent it. Given the same stored
profile, deliveries and time, an actor does the same, so that a crash before its state is written is harmless.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from personas.core.compute.cold import Ref
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState, Evaluation
from personas.core.compute.touched import Touched
from personas.core.envelope import (
    AbsorbEnvelope,
    DivideEnvelope,
    Envelope,
    EventEnvelope,
    LinkEnvelope,
    MergeEnvelope,
    ProfileEnvelope,
    ReviveEnvelope,
    TickEnvelope,
)
from personas.core.event import Event, fingerprint
from personas.core.moments import HOUR, hour_of
from personas.core.profile import dividing, memory, merging
from personas.core.profile.computing import answered, computed_of, keep_as_custom
from personas.core.profile.custom import Stamp, set_traits
from personas.core.profile.delivery import Accepted, Delivery, Emission, Outcome, PagesOf, Recall, Recalled
from personas.core.profile.life import Life
from personas.core.profile.linking import Linking, heard, level_of
from personas.core.profile.part import Part
from personas.core.profile.parted import Sent
from personas.core.profile.profile import Profile, Seen
from personas.core.profile.sharing import Sharing
from personas.core.profile.stored import Stored
from personas.core.profile.subject import Subject

PAGE_HOURS = 14 * 24
"""For how long after its receipt an event lies in the pages."""

NO_MARK = (-1, -1)


class Actor:
    """Takes deliveries in order, then gives the outcome. One that raised is spoilt: begin again without what failed."""

    def __init__(self, stored: Stored, recalled: Recalled, now_ms: int) -> None:
        self._stored = stored.profile
        self._recalled = recalled
        self.state = stored.state
        self._subject = Subject(self._stored, self.state)
        self._now = now_ms
        self._hour = hour_of(now_ms)
        self._at = max(now_ms, self.state.hour * HOUR)
        self._reached = self.state.sequence
        self._touched = self._changed = False
        # Values that stand are carried over only where nothing else than what is noted here can have changed them.
        lags = stored.profile_sequence > stored.state_sequence
        self._whole = stored.packed_profile is None or lags or stored.may_be_cut
        self._taken: set[str] = set()
        self._keys: set[str] = set()
        self._fresh: dict[bytes, Accepted] = {}
        self._accepted: list[Accepted] = []
        self._emissions: list[Emission] = []
        self._sharing = Sharing()
        self._linking = Linking(self.state, recalled.links)
        self._lacks_pages: set[PagesOf] = set()
        self._lacks_versions: set[int] = set()
        self._lacks_spills = set(self.state.memory.load(recalled.spills))
        self._lacks_cold: set[Ref] = set()
        self._cold, self._doomed = self.state.compute.cold.refs, self.state.compute.cold.doomed

    @property
    def _life(self) -> Life:
        return self._subject.life

    def take(self, delivery: Delivery) -> None:
        (_, sequence, _), envelope, _ = delivery
        if sequence <= self.state.sequence:
            return
        self._reached = sequence
        _TAKE[type(envelope)](self, delivery, envelope)

    def _event(self, delivery: Delivery, envelope: EventEnvelope) -> None:
        state = self.state
        sent_on = state.parted.sent_on(envelope) or self._forwarded(envelope)
        if sent_on:
            self._emit(delivery, sent_on)
            return
        event = envelope.event
        known = event.fingerprint
        if state.memory.knows(known) or self._lies_in_pages(event, known):
            return
        definitions, life, kind = self._definitions(delivery.version), self._subject.life, event.body["type"]
        if kind == "identify":
            self._set(event, event.traits)
        if definitions.promotions and (promoted := definitions.promotions.of(event)):
            self._set(event, promoted)
        self._taken.update(state.compute.add(definitions, event, self._now))
        if life.accounts:
            self._sharing.event(delivery, life.accounts, definitions, event, self._now)
        if life.identify(state.parted.staying(envelope.identifiers)):
            self._whole = True
        life.see(Seen(event.received, event.message_id, event.source))
        state.events += 1
        if kind == "group" and envelope.account:
            self._sharing.group_call(delivery, envelope, envelope.account)
            if envelope.account not in life.accounts:
                life.accounts.add(envelope.account)
                self._whole = True
                self._sharing.join(delivery, envelope.account, state.compute)
        self._remember(known, hour_of(event.received))
        row = Accepted(
            delivery.number, self._stored.id, event, known, envelope.account, envelope.identifiers, state.version
        )
        self._fresh[known] = row
        self._accepted.append(row)
        self._touched = self._changed = True

    def _forwarded(self, envelope: Sent) -> Sent | None:
        """As a tombstone does it."""
        return envelope.sent_to(self.state.into, (*envelope.through, self._stored.id)) if self.state.into else None

    def _set(self, event: Event, traits: dict[str, Any]) -> None:
        if set_traits(self._life.custom, traits, Stamp.of(event)):
            self._keys.update(traits)

    def _remember(self, known: bytes, received: int) -> None:
        """Under the hour of receipt, where its page lies. What came in before the memory begins would be forgotten at
        once: it is remembered from now on, because a replay may be delivered twice like anything else."""
        remembered = received if received >= self._hour - memory.HOURS else self._hour
        self.state.memory.add(known, remembered, self.state.version)

    def _lies_in_pages(self, event: Event, known: bytes) -> bool:
        """An event received before the memory begins (a replay of an old dead letter) is looked up in the pages."""
        hour = hour_of(event.received)
        if not self._hour - PAGE_HOURS <= hour < self._hour - memory.HOURS:
            return False
        self._look_into({(profile, hour) for profile in {self._stored.id, *self.state.profiles}})
        return known in self._recalled.events

    def _merge(self, delivery: Delivery, envelope: MergeEnvelope) -> None:
        was, waiting = self.state.into, len(self.state.parted.merges)
        for sent in merging.merge(self._subject, envelope, delivery.place):
            self._emit(delivery, sent)
        if self.state.into != was:
            self._touched = self._changed = self._whole = True
        self._changed |= len(self.state.parted.merges) != waiting

    def _divide(self, delivery: Delivery, envelope: DivideEnvelope) -> None:
        if self.state.into:
            self._emit(delivery, replace(envelope, profile=self.state.into))
            return
        self._definitions(delivery.version)
        self._changed = True
        revival = dividing.divide(self._subject, envelope, delivery.place, self._now)
        if revival:
            self._emit(delivery, revival)
            self._touched = self._whole = True

    def _revive(self, delivery: Delivery, envelope: ReviveEnvelope) -> None:
        if not dividing.is_revived(self._subject, envelope):
            self._emit(delivery, replace(envelope, profile=self.state.into or self._stored.id))
            return
        self._definitions(delivery.version)
        self._touched = self._changed = self._whole = True
        for merge in dividing.revive(self._subject, envelope, delivery.place, self._now):
            self._merge(delivery, merge)
        self._lacks_spills.update(self.state.memory.load(self._recalled.spills))

    def _absorb(self, delivery: Delivery, envelope: AbsorbEnvelope) -> None:
        key = fingerprint("absorb", envelope.key)
        number = envelope.number
        if number:
            if number[1:] <= self.state.marks.get(number[0], NO_MARK):
                return
        elif self.state.memory.knows(key):
            return
        sent_on = self.state.parted.sent_back(envelope) or self._forwarded(envelope)
        if sent_on:
            self._emit(delivery, sent_on)
        else:
            self._definitions(delivery.version)
            self._take_in(delivery, Part.of_data(envelope.state))
            self._touched = True
        if number:
            self.state.marks[number[0]] = number[1:]
            self._changed = True
        elif not sent_on:
            self.state.memory.add(key, self._hour, self.state.version)
            self._changed = True
            if self.state.parted:
                self._go_on(delivery, envelope.key)

    def _go_on(self, delivery: Delivery, key: str) -> None:
        """With what waited for that part."""
        parted = self.state.parted
        if parted.awaited.pop(key, None) and not parted.awaited:
            self._subject.shown = None
        for divide in parted.divides.copy():
            parted.divides.remove(divide)
            self._divide(delivery, divide)

    def _take_in(self, delivery: Delivery, part: Part) -> None:
        self._whole = True
        other = part.remembered()
        self._lacks_spills.update(other.load(self._recalled.spills))
        twice = [(known, entry) for known, entry in other.all() if self.state.memory.knows(known)]
        if part.awaited:
            self._subject.freeze()
            self.state.parted.awaited.update(part.awaited)
        theirs = ComputeState.of_data(part.compute)
        self._lacks_cold.update(theirs.cold.load(self._recalled.cold))
        self._sharing.unite(delivery, self._life.accounts, self.state.compute, part.accounts, theirs)
        self._life.unite(part)
        self._subject.merged.update(part.merged)
        # A copy: adding changes what was absorbed, and an actor that fails is asked again with the same envelopes.
        self.state.compute.absorb(theirs.copy())
        for back in part.taken_back:
            self._take_back(back.version, back.event)
        for known, entry in twice:
            self._count_once(delivery, known, entry, part)
        self.state.memory.unite(other)
        self.state.lineage = list(dict.fromkeys((*self.state.lineage, *part.lineage)))
        self.state.events += part.events
        self._subject.inherit(part.members)

    def _count_once(self, delivery: Delivery, known: bytes, entry: memory.Entry, part: Part) -> None:
        """Both profiles folded this event, because it was resolved once before the merge and once after: take one back.

        From every aggregate that is kept by now: what of the two was folded before the aggregate was kept, its backfill
        counts. Aggregates that are kept later learn it from the archive.
        """
        mine = self.state.memory.entry(known)
        fresh = self._fresh.get(known)
        paged = fresh.paged if fresh else self._recalled.events.get(known)
        if paged is None:
            profiles = {self._stored.id, *self.state.profiles, *(stretch.profile for stretch in part.lineage)}
            self._look_into({(profile, hour) for profile in profiles for hour in (mine.hour, entry.hour)})
            return
        version, event = self.state.version, paged.event
        self.state.events -= 1
        self._take_back(version, event)
        self._sharing.take_back(delivery, self._life.accounts, version, event)
        row = Accepted(
            delivery.number, self._stored.id, event, known, None, paged.identifiers, version, taken_back=True
        )
        self._accepted.append(row)

    def _take_back(self, version: int, event: Event) -> None:
        if version not in self._recalled.definitions:
            self._lacks_versions.add(version)
        else:
            definitions = self._recalled.definitions[version].kept(self._stored.collection)
            self.state.compute.retract(definitions, event, self._now)

    def _look_into(self, pages: set[PagesOf]) -> None:
        self._lacks_pages |= pages - self._recalled.pages

    def _link(self, delivery: Delivery, envelope: LinkEnvelope) -> None:
        if self.state.into:
            self._emit(delivery, replace(envelope, profile=self.state.into))
        elif self._linking.take(envelope, of_account=self._stored.collection == "accounts"):
            self._definitions(delivery.version)
            self._touched = self._changed = self._whole = True

    def _tick(self, delivery: Delivery, envelope: TickEnvelope) -> None:
        if self.state.into:
            self._emit(delivery, replace(envelope, profile=self.state.into))
        elif self._life or self.state.compute:
            self._definitions(delivery.version)
            self._at = max(self._at, envelope.hour * HOUR)
            self._touched = self._whole = True

    def _emit(self, delivery: Delivery, envelope: Envelope) -> None:
        self._emissions.append(Emission(delivery.number, envelope))

    def _definitions(self, version: int) -> DefinitionSet:
        """Those in force at this place of the lane; the state goes with them."""
        if version > self.state.version:
            self.state.version = version
            self._changed = self._whole = True
        return self._recalled.definitions[self.state.version]

    def evaluate(self) -> tuple[Profile, int | None]:
        """The profile as it would be written now, and the hour for the due log where that moved."""
        if self.state.into:
            return self._subject.draft({}), None
        if self._subject.shown is not None:
            return self._subject.shown, None
        definitions = self._recalled.definitions[self.state.version]
        collection = self._stored.collection
        held = self._subject.held
        keep_as_custom(self._life.custom, self._stored.computed, definitions, collection)
        draft = self._subject.draft({})
        evaluation = self._evaluation(definitions, draft)
        computed = computed_of(evaluation, definitions, collection, held, self._at)
        answers = answered(evaluation, definitions, level_of(draft), self._stored.answers)
        return draft.computing(computed, answers), evaluation.due

    def _evaluation(self, definitions: DefinitionSet, draft: Profile) -> Evaluation:
        """Of what was touched, where that says the same as of everything: nothing is due now or when the hour ends."""
        compute, due, level = self.state.compute, self.state.due, level_of(draft)
        answers = heard(self.state, draft, definitions)
        stand = {**{key: entry.value for key, entry in self._subject.held.items()}, **self._stored.answers}
        is_due = due is not None and due <= hour_of(self._at) + 1
        is_open = not answers.has_all(definitions.asked_of_accounts.values())
        if self._whole or is_due or is_open or level == "accounts":
            return compute.evaluate(definitions, draft.values(), draft.held, self._at, level, answers, stand)
        touched = Touched(frozenset(self._taken), frozenset(self._keys), stand)
        return compute.evaluate_touched(definitions, draft.values(), draft.held, self._at, level, touched, answers)

    def outcome(self) -> Outcome | Recall:
        lacks = self.lacks()
        if lacks:
            return lacks
        profile: Profile | None = None
        log: int | None = None
        if self._touched:
            profile, due = self.evaluate()
            log = self._reschedule(due)
        if profile == self._stored:
            profile = None
        newer = profile is not None and self._reached >= self._stored.sequence
        write_state = self._changed or profile is not None
        spill: Any = None
        if write_state:
            self._tidy()
            spill = self.state.memory.spill(self._stored.id)
            self.state.sequence = self._reached
        return Outcome(
            profile=profile.written(self._stored.v + 1, self._reached) if profile and newer else None,
            state=self.state if write_state else None,
            accepted=tuple(self._accepted),
            emissions=(*self._emissions, *self._sharing.emissions(self._stored.space)),
            due=log,
            spill=spill,
            dead=(),
            links=self._linking.links(self._reached),
            doomed=self._doomed if write_state else (),
        )

    def lacks(self) -> Recall | None:
        lacks = self._lacks_pages or self._lacks_spills or self._lacks_versions or self._lacks_cold
        if not (lacks or self._linking.lacks):
            return None
        return Recall(
            pages=frozenset(self._lacks_pages),
            spills=frozenset(self._lacks_spills),
            versions=frozenset(self._lacks_versions),
            links=frozenset(self._linking.lacks),
            cold=frozenset(self._lacks_cold),
        )

    def _reschedule(self, due: int | None) -> int | None:
        """What was due by now is used up by this evaluation; returns the hour to be logged, where it moved earlier.

        Never an hour that has begun: nothing is filed under an hour that the recompute has already been through.
        """
        hour = hour_of(self._at)
        pending = self.state.due if self.state.due is not None and self.state.due > hour else None
        log = None
        if due is not None and (pending is None or due < pending):
            log = pending = max(due, hour + 1)
        self._changed |= self.state.due != pending
        self.state.due = pending
        return log

    def _tidy(self) -> None:
        self._subject.keep()
        self.state.hour = hour_of(self._at)
        self.state.memory.prune(self._hour)
        if not self.state.into:
            definitions = self._recalled.definitions[self.state.version]
            self.state.compute.prune(definitions.kept(self._stored.collection), self._at)
            self.state.compute.cold.forget(self._cold)
            self._linking.tidy(definitions, self._subject.accounts)


_TAKE: dict[type[ProfileEnvelope], Callable[[Actor, Delivery, Any], None]] = {
    EventEnvelope: Actor._event,
    AbsorbEnvelope: Actor._absorb,
    MergeEnvelope: Actor._merge,
    LinkEnvelope: Actor._link,
    DivideEnvelope: Actor._divide,
    ReviveEnvelope: Actor._revive,
    TickEnvelope: Actor._tick,
}
