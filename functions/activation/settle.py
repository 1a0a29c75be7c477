"""Writes down what became of a batch: done, tried again later, or dead; then gives the queue back.

Harmless when run twice or late: only the holder of the queue's last token settles, items must still have the version
that was sent, and giving the lease back and counting are one transaction.
"""

from secrets import SystemRandom
from typing import Any

from personas.clock import now_ms
from personas.core.activation import settlement
from personas.core.activation.batch import Batch
from personas.core.activation.settlement import Settlement, Waiting
from personas.core.moments import MINUTE
from personas.stores import agenda, batches, dead_letters, leases, outbox


def handle(event: dict[str, Any], _context: Any) -> dict[str, int]:
    now = now_ms()
    batch = batches.load(event["key"])
    if not leases.holds(batch.queue, batch.token):
        return {}
    if "answers" in event:
        answers = batches.answers(event["answers"])
    else:
        answers = settlement.failed(batch, str(event.get("failure", "deliver gave no answer")))
    settled = settlement.settle(batch, answers, now, SystemRandom().random)
    _write(batch, settled, now)
    leases.release(batch.queue, batch.token, settled.counts, now)
    return settled.counts


def _write(batch: Batch, settled: Settlement, now: int) -> None:
    space, destination = batch.queue.space, batch.queue.destination
    dead_letters.keep(settled.dead)
    outbox.finish(space, destination, ((item.key, item.version) for item in settled.done), now)
    outbox.wait(space, destination, settled.waiting)
    for due, waiting in _by_minute(settled.waiting).items():
        agenda.add(due, ((batch.queue, entry.item.key) for entry in waiting))
    agenda.remove(space, batch.entries)


def _by_minute(waiting: tuple[Waiting, ...]) -> dict[int, list[Waiting]]:
    """By the minute at which all of them are due, so that one entry of the agenda serves many."""
    minutes: dict[int, list[Waiting]] = {}
    for entry in waiting:
        minutes.setdefault(-(-entry.due // MINUTE) * MINUTE, []).append(entry)
    return minutes
