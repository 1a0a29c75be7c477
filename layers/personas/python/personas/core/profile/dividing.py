"""How the actors of two profiles follow an unmerge: the one that stays begins anew, and has the other begin likewise.

The one that stays is told first, by the run that will count again, and tells the other: whatever it sends on to the
other comes after that. Neither can tell apart what it had counted, so all of it is to be counted again
(core/profile/parted.py).

Invariant: every row that was counted before is awaited by both, and the rebuild gives it to one of them.
"""

from personas.core.envelope import DivideEnvelope, MergeEnvelope, ReviveEnvelope
from personas.core.event import fingerprint
from personas.core.moments import hour_of
from personas.core.profile.part import Part
from personas.core.profile.parted import Awaited, Ended
from personas.core.profile.stretch import Place
from personas.core.profile.subject import Subject


def share_key(unmerge: str, profile: str) -> str:
    """Of the part that gives a profile its share of what an unmerge made two."""
    return f"rebuild:{unmerge}:{profile}"


def divide(subject: Subject, envelope: DivideEnvelope, place: Place, now_ms: int) -> ReviveEnvelope | None:
    """Returns what the other is to be told; None where it was told before, or is to wait until more has come in, or for
    the next run: what is counted again must not be what a backfill is adding."""
    state, parted = subject.state, subject.state.parted
    known = fingerprint("divide", envelope.unmerge)
    key = share_key(envelope.unmerge, envelope.parted)
    if state.memory.knows(known) or key in parted.awaited or state.version > envelope.version:
        return None
    if parted.waits_for_others(envelope.run) or set(envelope.lineage) - state.profiles - {subject.id}:
        parted.divides = [one for one in parted.divides if one.unmerge != envelope.unmerge] + [envelope]
        return None
    subject.freeze()
    leaving = subject.shows_no_more(envelope.keys)
    ended = subject.end(place)
    for awaited in parted.awaited:  # both are given that with their shares
        state.memory.add(fingerprint("absorb", awaited), hour_of(now_ms), state.version)
    memory = {name: entry for name, entry in state.memory.to_data().items() if name != "n"}
    members = {key: entry for key, entry in subject.held.items() if entry.value is True}
    common = Part(identifiers=leaving, memory=memory, members=members, lineage=tuple(state.lineage))
    parted.awaited = {key: Awaited(envelope.run, state.version, ended)}
    parted.left.update(dict.fromkeys(envelope.keys, envelope.other))
    if envelope.parted == subject.id:
        parted.epoch = envelope.epoch
    state.memory.add(known, hour_of(now_ms), state.version)
    return ReviveEnvelope(
        space=envelope.space,
        profile=envelope.other,
        unmerge=envelope.unmerge,
        revived=envelope.other,
        epoch=envelope.other_epoch,
        run=envelope.run,
        version=state.version,
        state=common.to_data(),
        ended=[one.to_data() for one in ended],
        passed=envelope.passed,
    )


def is_revived(subject: Subject, envelope: ReviveEnvelope) -> bool:
    """Whether it is this profile that begins anew, and not the one that it has merged into since."""
    if subject.state.into is None:
        return True
    return envelope.revived == subject.id and envelope.epoch > subject.state.parted.epoch


def revive(subject: Subject, envelope: ReviveEnvelope, place: Place, now_ms: int) -> list[MergeEnvelope]:
    """Returns the merges that it lost since the unmerge, of which it was told before."""
    state, parted = subject.state, subject.state.parted
    known = fingerprint("revive", envelope.unmerge)
    key = share_key(envelope.unmerge, envelope.revived)
    if state.memory.knows(known) or key in parted.awaited:
        return []
    common = Part.of_data(envelope.state)
    ended = tuple(map(Ended.of_data, envelope.ended))
    if state.into is None:
        subject.freeze()
        ended += subject.end(place)[:1]
    else:
        state.into = None
        subject.clear(place)
        subject.freeze()
    subject.shows_too(common.identifiers)
    subject.inherit(common.members)
    state.lineage = list(dict.fromkeys((*state.lineage, *common.lineage)))
    state.memory.unite(common.remembered())
    state.memory.add(known, hour_of(now_ms), state.version)
    parted.left.update(envelope.passed)
    parted.awaited[key] = Awaited(envelope.run, envelope.version, ended)
    if envelope.revived != subject.id:
        return []
    parted.epoch = envelope.epoch
    lost = [merge for merge in parted.merges if merge.epoch >= envelope.epoch]
    parted.merges = []
    return lost
