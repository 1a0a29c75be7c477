"""Reads the identity graph, lets the rules decide, and writes what they decided, until nobody is in the way.

Invariant: whatever is written rests on roots at the versions that the decision was made on. Resolving an event again
finds what it claimed before and changes nothing, so a crash between any two writes is healed by the next delivery.
"""

import random
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from personas.core.errors import PersonasError, Unavailable
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.identity.external_id import ExternalId
from personas.core.identity.fact import LONGEST_NAME, Fact
from personas.core.identity.known import Known
from personas.core.identity.merge import Merge, merge_id
from personas.core.identity.resolver import Decision, resolve
from personas.core.identity.root import Root
from personas.core.identity.rules import MAX_MERGES, Rules
from personas.dynamo import chunks
from personas.stores import graph_reads as reads
from personas.stores import graph_writes as writes
from personas.stores import seen_types
from personas.stores.graph_reads import SpaceIdentifier

TRIES = 12
PAUSE, LONGEST_PAUSE = 0.01, 0.64
"""Seconds: the pause doubles from try to try, and is drawn at random from nothing to that."""

LOOKS = 4
"""At the graph for one decision: more than one, as another thread may just have dropped what was read."""

Step = Identifier | tuple[Root, Identifier]
"""An identifier to gain, or a profile to merge with the identifier that leads there."""

STEPS = 2 * MAX_MERGES
"""Along merged roots, at most: each takes one read for all ways together."""

PREFIXES = {"users": "use_", "accounts": "acc_"}


class GraphContended(Unavailable):
    """Others changed the same profiles on every try."""


class RootMissing(PersonasError):
    """An identifier leads to a profile that does not exist: somebody deleted items by hand."""


@dataclass(frozen=True, slots=True)
class Resolved:
    profile: str
    kept: tuple[Identifier, ...]
    """The identifiers that lead there."""


class Stitcher:
    """Of one batch. `known` outlives it; that an identifier belongs to nobody is remembered for the batch only."""

    def __init__(self, known: Known, now: int, new_id: Callable[[], str] = lambda: secrets.token_urlsafe(16)) -> None:
        self._known = known
        self._now = now
        self._new_id = new_id
        self._unclaimed: set[SpaceIdentifier] = set()

    def look_up(self, wanted: Iterable[SpaceIdentifier]) -> None:
        """Read what is not known about these, in few calls."""
        profiles = {one: self._known.profile_of(*one) for one in wanted}
        claimed = reads.mappings(one for one, profile in profiles.items() if profile is None)
        for (space, identifier), profile in claimed.items():
            self._known.put_mapping(space, identifier, profile)
        self._unclaimed |= {one for one in profiles.keys() - claimed.keys() if profiles[one] is None}
        ways = [one for one, profile in (profiles | claimed).items() if profile]
        for _ in range(STEPS):
            lost = {
                (space, profile)
                for space, identifier in ways
                for profile in self._known.lost_of(space, identifier, self._now)
            }
            read = reads.roots(lost) if lost else {}
            for (space, _), root in read.items():
                self._known.put_root(space, root, self._now)
            if not read:
                return

    def root_id_of(self, space: str, identifier: Identifier) -> str | None:
        """The profile that it leads to, as far as is known without reading."""
        root = self._known.root_of(space, identifier, self._now)
        return root.id if root else None

    def note_types(self, rules: Rules, version: int, space: str, identifiers: Iterable[Identifier]) -> None:
        """What the rules do not name is listed with them from now on. Idempotent."""
        for kind in {one.type for one in identifiers if not rules.knows(one.type)}:
            if self._known.first_type(space, version, kind):
                seen_types.note(space, version, kind)
                self._known.noted_type(space, version, kind)

    def resolve(self, rules: Rules, event: Event, identifiers: Sequence[Identifier]) -> Resolved:
        """Raises GraphContended, RootMissing and what AWS raises. Idempotent."""
        for attempt in range(TRIES):
            found = self._found(event.space, identifiers)
            decision = resolve(rules, identifiers, found, event.received)
            try:
                root = self._carry_out(rules, event, decision)
                if decision.aside:
                    self._note_asides(event, root, decision, found.get(decision.aside[0].identifier))
                return Resolved(root.id, decision.kept)
            except writes.GraphMoved:
                self._forget(event.space, decision)
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, PAUSE * 2**attempt)))  # noqa: S311 - jitter, not a secret
        raise GraphContended(f"event {event.message_id} met other changes of its profiles {TRIES} times")

    def _found(self, space: str, identifiers: Sequence[Identifier]) -> dict[Identifier, Root]:
        """The current root of each that has one, read where it is not known."""
        for _ in range(LOOKS):
            found = self._remembered(space, identifiers)
            missing = [(space, one) for one in identifiers if one not in found and (space, one) not in self._unclaimed]
            if not missing:
                return found
            self.look_up(missing)
        raise RootMissing(f"what {[one.type for _, one in missing]} of space {space} lead to is missing")

    def _remembered(self, space: str, identifiers: Sequence[Identifier]) -> dict[Identifier, Root]:
        roots = ((one, self._known.root_of(space, one, self._now)) for one in identifiers)
        return {one: root for one, root in roots if root}

    def _carry_out(self, rules: Rules, event: Event, decision: Decision) -> Root:
        """All that the event changes is one transaction, unless it brings more than fits."""
        steps = [*decision.losers, *decision.claims]
        root = decision.survivor
        for some in chunks(steps, writes.MAX_STEPS):
            root = self._change(rules, event, decision, root, some)
        assert root is not None  # noqa: S101 - an event that finds nobody claims something
        return root

    def _change(
        self, rules: Rules, event: Event, decision: Decision, before: Root | None, steps: Sequence[Step]
    ) -> Root:
        claims = [step for step in steps if isinstance(step, Identifier)]
        after = before or self._new_root(claims[0], event)
        losses: list[writes.Loss] = []
        for loser, bridge in (step for step in steps if not isinstance(step, Identifier)):
            gone, after = loser.yielding_to(after), after.absorbing(loser)
            losses.append((loser, gone, _merge(rules, event, decision, after, loser, bridge)))
        if claims:
            after = after.claiming(*(one.type for one in claims), at=event.received)
        via = decision.via or (decision.kept[0] if before else None)
        gains = [_fact(event, after, one, str(rules.rule(one.type)), via) for one in claims]
        writes.change(event.space, before, after, losses, gains)
        for _, gone, _ in losses:
            self._known.put_root(event.space, gone, self._now)
        self._known.put_root(event.space, after, self._now)
        for one in claims:
            self._known.put_mapping(event.space, one, after.id)
        return after

    def _new_root(self, first: Identifier, event: Event) -> Root:
        return Root(PREFIXES[first.collection] + self._new_id(), created=event.received)

    def _note_asides(self, event: Event, root: Root, decision: Decision, holder: Root | None) -> None:
        """`holder`: what the first of them leads to."""
        held = (holder.id, holder.version) if holder else ("", 0)
        for place, aside in enumerate(decision.aside):
            if self._known.first_aside(event.space, root.id, aside.identifier):
                fact = _fact(event, root, aside.identifier, aside.rule, decision.kept[0])
                breaker = decision.aside[0].identifier if place else None
                writes.note_aside(event.space, replace(fact, breaker=breaker, holder=held[0], holder_version=held[1]))
                self._known.noted_aside(event.space, root.id, aside.identifier)

    def _forget(self, space: str, decision: Decision) -> None:
        """What a decision that others overtook rested on is read again."""
        self._unclaimed.difference_update((space, one) for one in decision.claims)
        for root in (decision.survivor, *(loser for loser, _ in decision.losers)):
            if root:
                self._known.drop_root(space, root.id)


def _merge(rules: Rules, event: Event, decision: Decision, survivor: Root, loser: Root, bridge: Identifier) -> Merge:
    return Merge(
        id=merge_id(loser.id, loser.version),
        survivor=survivor.id,
        loser=loser.id,
        at=event.received,
        message_id=event.message_id,
        source_id=event.source,
        identifier=bridge,
        rule=str(rules.rule(bridge.type)),
        event=event.type,
        via=decision.via,
        version=survivor.version,
        epoch=loser.epoch,
        into_epoch=survivor.epoch,
        event_at=event.at,
        event_name=_name(event),
        absorbed=loser.merged,
    )


def _fact(event: Event, root: Root, one: Identifier, rule: str, via: Identifier | None) -> Fact:
    seen = ExternalId(one.type, one.value, one.collection, event.source, event.received, event.message_id)
    return Fact(root.id, seen, event.type, rule, via, root.version, event_at=event.at, event_name=_name(event))


def _name(event: Event) -> str | None:
    return event.name and event.name[:LONGEST_NAME]
