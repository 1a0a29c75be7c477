"""Fold one batch of the profiles stream into profiles: read, let every actor act, write.

Invariant: a crash anywhere, followed by the same records again in any batches, ends in the same state. That rests on
the order of writes: dead letters and archive, pages and spills, emissions, due log, profiles, states, lanes. Until a
profile's state is written, nothing that was written for it counts as done, and all of it is written again.
"""

from collections.abc import Sequence

from personas import profiles_stream
from personas.core.compute.definition_set import DefinitionSet
from personas.core.profile.acting import act
from personas.core.profile.batch import Batch, LaneRecord
from personas.core.profile.delivery import Delivery, Emission, Outcome, Recalled
from personas.core.profile.stored import Stored
from personas.stores import archive, dead_letters, definitions, due_log, lanes, pages, profiles, spaces, spills

Id = tuple[str, str]
"""Space, profile."""


def fold(records: Sequence[LaneRecord], now_ms: int) -> None:
    """Idempotent. Records of a lane must come in its order, and from one caller at a time.

    What belongs to a space that does not exist (any more) is dropped. Raises what a store raises.
    """
    living = spaces.heads({envelope.space for _, _, envelopes in records for envelope in envelopes})
    records = [(lane, seq, [entry for entry in envelopes if entry.space in living]) for lane, seq, envelopes in records]
    noted = lanes.read({(envelope.space, lane) for lane, _, envelopes in records for envelope in envelopes})
    batch = Batch.of(records, noted)
    stored = profiles.read_many(batch.deliveries)
    outcomes = {
        key: _outcome(stored.get(key) or Stored(*key), deliveries, now_ms)
        for key, deliveries in batch.deliveries.items()
    }
    _write(outcomes)
    lanes.write(batch.notes)


def _outcome(stored: Stored, deliveries: Sequence[Delivery], now_ms: int) -> Outcome:
    versions = {stored.version} | {delivery.version for delivery in deliveries}
    recalled = Recalled({version: _definitions(stored.space, version) for version in versions})
    while True:
        answer = act(stored, deliveries, recalled, now_ms)
        if isinstance(answer, Outcome):
            return answer
        recalled.pages |= answer.pages
        recalled.events |= {event.fingerprint: event for event in pages.received_in(stored.space, answer.pages)}
        recalled.spills |= spills.read(stored.space, answer.spills)
        recalled.definitions |= {version: _definitions(stored.space, version) for version in answer.versions}


def _definitions(space: str, version: int) -> DefinitionSet:
    return definitions.load(space, version)


def _write(outcomes: dict[Id, Outcome]) -> None:
    every = outcomes.values()
    dead_letters.keep(letter for outcome in every for letter in outcome.dead)
    archive.write(row for outcome in every for row in outcome.accepted)
    memories = []
    due: dict[tuple[str, int], list[str]] = {}
    for (space, profile), outcome in outcomes.items():
        if outcome.accepted and outcome.state:
            events = [row.event for row in outcome.accepted]
            memories += pages.pages_of(space, profile, outcome.state.sequence, events)
        if outcome.spill:
            memories.append(spills.spill_item(space, *outcome.spill))
        if outcome.due is not None:
            due.setdefault((space, outcome.due), []).append(profile)
    pages.write(memories)
    _emit([emission for outcome in every for emission in outcome.emissions])
    due_log.append(due, max((outcome.state.sequence for outcome in every if outcome.state), default=0))
    profiles.write(profiles.profile_item(outcome.profile) for outcome in every if outcome.profile)
    profiles.write(profiles.state_item(*key, outcome.state) for key, outcome in outcomes.items() if outcome.state)


def _emit(emissions: list[Emission]) -> None:
    """In the order of what caused them: receivers keep a watermark per sending lane."""
    emissions.sort(key=lambda emission: emission.number)
    profiles_stream.send(emission.envelope for emission in emissions)
