"""How the actor of a profile follows that it lost a merge: it hands over all that it has, and becomes a tombstone."""

from dataclasses import replace

from personas.core.envelope import AbsorbEnvelope, Envelope, MergeEnvelope
from personas.core.profile.part import Part
from personas.core.profile.stretch import Place, Stretch
from personas.core.profile.subject import Subject


def merge(subject: Subject, envelope: MergeEnvelope, place: Place) -> list[Envelope]:
    """What is to be sent. Repeated, it changes nothing: whoever absorbed it knows the key of what it is sent."""
    state, parted = subject.state, subject.state.parted
    if envelope.into == subject.id:
        return []
    if envelope.epoch < parted.epoch:
        # Taken back before it was announced, or announced again: nothing is handed over, and that is said.
        return [_absorb(envelope, Part(lineage=(Stretch(subject.id, place, place),)))]
    if state.into:
        if envelope.epoch > parted.epoch and envelope not in parted.merges:
            parted.merges.append(envelope)
        return []
    parted.epoch = envelope.epoch
    sent: list[Envelope] = [_absorb(envelope, subject.part(place, envelope.at))]
    sent += [replace(divide, profile=envelope.into) for divide in parted.divides]
    subject.clear(place)
    subject.shown, subject.merged = None, {}
    state.into = envelope.into
    state.memory.clear()
    parted.awaited, parted.divides = {}, []
    return sent


def _absorb(merge: MergeEnvelope, part: Part) -> AbsorbEnvelope:
    return AbsorbEnvelope(merge.space, merge.into, f"merge:{merge.merge}", part.to_data())
