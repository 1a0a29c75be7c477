"""Fold one batch of the profiles stream into profiles: read, let every actor act, write.

Invariant: a crash anywhere, followed by the same records again in any batches, ends in the same state. That rests on
the order of writes: dead letters and archive; pages, spills, links and cold parts; emissions, due log, profiles,
states, lanes. Until a profile's state is written, nothing that was written for it counts as done, and all is written
again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from personas import cooling, profiles_stream
from personas.core.compute import splitting
from personas.core.compute.cold import Ref
from personas.core.envelope import LinkEnvelope
from personas.core.profile.acting import ProfileTooLarge, act
from personas.core.profile.batch import Batch, LaneRecord
from personas.core.profile.combining import combined
from personas.core.profile.delivery import Delivery, Emission, Number, Outcome, Recalled
from personas.core.profile.fitting import shortened
from personas.core.profile.profile import Profile, collection_of
from personas.core.profile.stored import Stored
from personas.profiles_table import Item, size_of
from personas.stores import (
    archive,
    cold,
    dead_letters,
    definitions,
    due_log,
    lanes,
    links,
    pages,
    profiles,
    spaces,
    spills,
)

MAX_ITEM = 390_000
"""Bytes: DynamoDB takes 400 KB."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What came of one profile's deliveries, ready to be written."""

    space: str
    profile: str
    outcome: Outcome
    profile_item: Item | None
    state_item: Item | None
    cold_items: list[Item]
    """What the state and the emissions leave to others to hold."""

    @classmethod
    def of(cls, space: str, profile: str, outcome: Outcome) -> "Folded":
        profile_item = _profile_item(outcome.profile) if outcome.profile else None
        state = outcome.state
        if state is None:
            return cls(space, profile, outcome, profile_item, None, [])
        state_item = profiles.state_item(space, profile, state)
        compiled = definitions.load(space, state.version)
        emissions, items = cooling.handed_over(outcome.emissions, compiled, state)
        if len(state_item["data"]["B"]) > splitting.LIMITS.hot:
            items += cooling.shed(space, profile, state, compiled)
            state_item = profiles.state_item(space, profile, state)
        return cls(space, profile, replace(outcome, emissions=tuple(emissions)), profile_item, state_item, items)

    @property
    def too_large(self) -> bool:
        return any(item is not None and size_of(item) > MAX_ITEM for item in (self.profile_item, self.state_item))


def _profile_item(profile: Profile) -> Item:
    """With as much of it as an item can hold."""
    item = profiles.profile_item(profile)
    while size_of(item) > MAX_ITEM and (shorter := shortened(profile)):
        profile = shorter
        item = profiles.profile_item(profile)
    return item


def fold(records: Sequence[LaneRecord], now_ms: int) -> None:
    """Idempotent. Records of a lane must come in its order, and from one caller at a time.

    What belongs to a space that does not exist (any more) is dropped. Raises what a store raises.
    """
    living = spaces.heads({envelope.space for _, _, envelopes in records for envelope in envelopes})
    places = {(envelope.space, lane) for lane, _, envelopes in records for envelope in envelopes}
    noted = lanes.read(place for place in places if place[0] in living)
    batch = Batch.of(records, noted, living)
    stored = profiles.read_many(batch.deliveries)
    folded = [
        _folded(stored.get(key) or Stored(*key), deliveries, now_ms) for key, deliveries in batch.deliveries.items()
    ]
    _write(folded)
    lanes.write(batch.notes)


def _folded(stored: Stored, deliveries: Sequence[Delivery], now_ms: int) -> Folded:
    """Events that would make the profile too large for its items are set aside, and nobody else is harmed."""
    # A state goes on to what is in force, never back: what it was computed with, however long ago, is not asked for.
    versions = {max(stored.version, delivery.version) for delivery in deliveries}
    recalled = Recalled({version: definitions.load(stored.space, version) for version in versions})
    if collection_of(stored.id) == "accounts":  # what it is going to ask for, so that it need not begin twice
        users = {delivery.envelope.other for delivery in deliveries if isinstance(delivery.envelope, LinkEnvelope)}
        recalled.links |= links.read(stored.space, stored.id, users)
    refused: dict[Number, Exception] = {}
    while True:
        outcome = _outcome(stored, deliveries, recalled, now_ms, refused)
        folded = Folded.of(stored.space, stored.id, outcome)
        if not folded.too_large or not outcome.events:
            return folded
        reason = ProfileTooLarge(f"profile {stored.id} would take more than {MAX_ITEM} bytes")
        refused |= {row.number: reason for row in outcome.events}


def _outcome(
    stored: Stored, deliveries: Sequence[Delivery], recalled: Recalled, now_ms: int, refused: dict[Number, Exception]
) -> Outcome:
    """Ask until the actor lacks nothing."""
    while True:
        answer = act(stored, deliveries, recalled, now_ms, refused)
        if isinstance(answer, Outcome):
            return answer
        recalled.pages |= answer.pages
        recalled.events |= {one.event.fingerprint: one for one in pages.received_in(stored.space, answer.pages)}
        recalled.spills |= spills.read(stored.space, answer.spills)
        recalled.links |= links.read(stored.space, stored.id, answer.links)
        recalled.definitions |= {version: definitions.load(stored.space, version) for version in answer.versions}
        recalled.cold |= cold.read(stored.space, answer.cold)
        if answer.cold - recalled.cold.keys():
            raise cold.PartMissing(f"parts of what profile {stored.id} is to absorb are missing")


def _write(every: Sequence[Folded]) -> None:
    outcomes = [folded.outcome for folded in every]
    dead_letters.keep(letter for outcome in outcomes for letter in outcome.dead)
    archive.write(row for outcome in outcomes for row in outcome.accepted)
    memories: list[Item] = []
    doomed: dict[Ref, Item] = {}
    due: dict[tuple[str, int], list[str]] = {}
    for folded in every:
        space, profile, outcome = folded.space, folded.profile, folded.outcome
        if outcome.events and outcome.state:
            events = [row.paged for row in outcome.events]
            memories += pages.pages_of(space, profile, outcome.state.sequence, events)
        if outcome.spill:
            memories.append(spills.spill_item(space, *outcome.spill))
        memories += links.items(space, profile, outcome.links)
        memories += folded.cold_items
        doomed |= {ref: cold.key_of(space, ref) for ref in outcome.doomed}
        if outcome.due is not None:
            due.setdefault((space, outcome.due), []).append(profile)
    pages.write(memories, doomed.values())
    _emit([emission for outcome in outcomes for emission in outcome.emissions])
    due_log.append(due, max((outcome.state.sequence for outcome in outcomes if outcome.state), default=0))
    profiles.write(folded.profile_item for folded in every if folded.profile_item)
    profiles.write(folded.state_item for folded in every if folded.state_item)


def _emit(emissions: list[Emission]) -> None:
    """In the order of what caused them: receivers keep a watermark per sending lane."""
    profiles_stream.send(emission.envelope for emission in combined(emissions))
