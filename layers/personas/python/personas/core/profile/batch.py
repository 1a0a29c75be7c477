"""One batch of the profiles stream, sorted out: which profile is given what, under which version of the definitions.

>>> tick = TickEnvelope("sp", "use_1", 9)
>>> batch = Batch.of([(5, 70, [tick, BarrierEnvelope("sp", 2), tick])], {("sp", 5): LaneNote(1, 60)}, {"sp"})
>>> [(delivery.number, delivery.version) for delivery in batch.deliveries["sp", "use_1"]]
[((5, 70, 0), 1), ((5, 70, 2), 2)]
>>> batch.notes
{('sp', 5): LaneNote(version=2, sequence=70)}
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from personas.core.envelope import BarrierEnvelope, Envelope, TickEnvelope  # noqa: F401 - the doctest's
from personas.core.profile.delivery import Delivery

LaneRecord = tuple[int, int, Sequence[Envelope]]
"""The lane, the record's sequence number, its envelopes."""


@dataclass(frozen=True, slots=True)
class LaneNote:
    """The barrier that a lane saw last."""

    version: int
    sequence: int


NO_BARRIER = LaneNote(0, -1)


@dataclass(frozen=True, slots=True)
class Batch:
    deliveries: dict[tuple[str, str], list[Delivery]]
    """By space and profile, in the order of the lane."""
    notes: dict[tuple[str, int], LaneNote]
    """The lanes that passed a barrier, by space and lane."""

    @classmethod
    def of(
        cls, records: Iterable[LaneRecord], noted: Mapping[tuple[str, int], LaneNote], living: Container[str]
    ) -> "Batch":
        """`noted` are the lanes' barriers before the batch, `living` the spaces that exist: the rest is dropped."""
        deliveries: dict[tuple[str, str], list[Delivery]] = {}
        notes: dict[tuple[str, int], LaneNote] = {}
        for lane, sequence, envelopes in records:
            for place, envelope in enumerate(envelopes):
                space = envelope.space
                if space not in living:
                    continue
                where = (space, lane)
                note = notes.get(where) or noted.get(where, NO_BARRIER)
                if isinstance(envelope, BarrierEnvelope):
                    if envelope.version > note.version:
                        notes[where] = LaneNote(envelope.version, sequence)
                else:
                    delivery = Delivery((lane, sequence, place), envelope, note.version)
                    deliveries.setdefault((space, envelope.profile), []).append(delivery)
        return cls(deliveries, notes)
