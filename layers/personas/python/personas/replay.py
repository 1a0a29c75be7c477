"""Gives dead letters another try, once what killed them was mended.

An event goes back to the front, whole, with its messageId: what has folded it already does not fold it again (profiles
look further back than their memory into their pages). A delivery goes back to the outbox, unless something newer has
been told since. A letter is deleted only after it is where it belongs, so that a run that breaks off loses nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from personas import events_stream
from personas.clock import now_ms
from personas.core.activation import dead_delivery
from personas.core.activation.change import Change
from personas.core.activation.dead_delivery import DeadDelivery
from personas.core.activation.payloads import calls
from personas.core.activation.pending import Pending
from personas.core.dead_letter import DeadLetter
from personas.stores import agenda, dead_letters, outbox, spaces
from personas.stores.dead_letters import Kept

_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    events: int = 0
    deliveries: int = 0

    def __add__(self, other: "Replayed") -> "Replayed":
        return Replayed(self.events + other.events, self.deliveries + other.deliveries)


def replay(space: str, stage: str | None = None) -> Replayed:
    """All dead letters of a space, or those of one stage (`identity`, `profiles`, `deliver`). Idempotent in its effect:
    what is sent again is known by its messageId. Needs EVENTS_STREAM, DEAD_LETTERS_BUCKET, ACTIVATION_TABLE and
    CONTROL_TABLE. Raises NotFound where there is no such space."""
    found = spaces.find(space)
    total = Replayed()
    for letters in _chunks(dead_letters.read(found.id, stage)):
        deliveries = [letter for letter in letters if letter.data["stage"] == dead_delivery.STAGE]
        events = [letter for letter in letters if letter.data["stage"] != dead_delivery.STAGE]
        events_stream.send(DeadLetter.of_data(letter.data).event for letter in events)
        _deliver_again([DeadDelivery.of_data(letter.data) for letter in deliveries], found.slug)
        dead_letters.forget(letters)
        total += Replayed(len(events), len(deliveries))
    return total


def _deliver_again(letters: list[DeadDelivery], namespace: str) -> None:
    now = now_ms()
    by_item: dict[tuple[str, str, str], list[DeadDelivery]] = {}
    for letter in letters:
        computation, version = letter.change["c"][0], letter.change["v"]
        by_item.setdefault((letter.destination, letter.profile, f"{computation}#{version}"), []).append(letter)
    for (destination, profile, _), dead in by_item.items():
        change = Change.of_data(dead[0].space, profile, dead[0].change)
        again = {letter.message_id for letter in dead}
        others = tuple(call["messageId"] for call in calls(change, namespace) if call["messageId"] not in again)
        pending = Pending(destination, change, due=now, finished=others)
        outbox.reopen(pending)
        agenda.add(now, [(pending.queue, pending.key)])


def _chunks(letters: Iterator[Kept]) -> Iterator[list[Kept]]:
    chunk: list[Kept] = []
    for letter in letters:
        chunk.append(letter)
        if len(chunk) == _TOGETHER:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
