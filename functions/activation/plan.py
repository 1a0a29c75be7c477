"""Claims queues that have something due, by turns, and writes one batch for each to the work bucket."""

from typing import Any

from personas import clock
from personas.core.activation import queue as queues
from personas.core.activation.batch import Batch, Item, Packing
from personas.core.activation.queue import Queue
from personas.core.activation.turns import turns
from personas.core.destination import Destination
from personas.stores import agenda, batches, destinations, leases, outbox, spaces

WAVE = 40
"""Batches of one run: as many as its Map sends at once, because a second wave might not end before the run does."""


def handle(_event: Any, _context: Any) -> dict[str, Any]:
    """What is due and not in this wave has its turn in a minute."""
    now = clock.now_ms()
    slugs = {space.id: space.slug for space in spaces.all()}
    due = [queue for space in slugs for queue in agenda.queues_due(space, now)]
    last = leases.last(due)
    known: dict[str, dict[str, Destination]] = {}
    keys: list[str] = []
    for queue in turns({queue: lease.claimed for queue, lease in last.items() if lease.until <= now}):
        if len(keys) == WAVE:
            break
        if queue.space not in known:
            known[queue.space] = {found.id: found for found in destinations.of_space(queue.space)}
        batch = _plan(queue, known[queue.space].get(queue.destination), slugs[queue.space], now)
        keys += [batch.key] if batch else []
    return {"count": len(keys), "batches": [{"key": key} for key in keys]}


def _plan(queue: Queue, destination: Destination | None, namespace: str, now: int) -> Batch | None:
    token = leases.claim(queue, now)
    if token is None:
        return None  # its batch is in flight
    batch = _batch(queue, token, destination, namespace, now)
    if batch.items:
        batches.save(batch)
        return batch
    agenda.remove(queue.space, batch.entries)
    leases.release(queue, token, {}, now)
    return None


def _batch(queue: Queue, token: int, destination: Destination | None, namespace: str, now: int) -> Batch:
    """What waits for a destination that is gone or switched off is settled unsent."""
    type_ = destination.type if destination else ""
    receives = destination is not None and destination.enabled
    packing = Packing(queues.calls_per_batch(type_))
    entries = []
    for entry in agenda.entries(queue, now):
        if packing.full:
            break
        entries.append(entry.id)
        pending = outbox.read(queue.space, queue.destination, entry.keys)
        if not receives:
            versions = [(item.key, item.change.version) for item in pending]
            outbox.finish(queue.space, queue.destination, versions, now)
            continue
        packing.take(Item.of(item, namespace, now) for item in pending if item.due <= now)
        for item in pending:
            if item.due > now:  # its own entry may have been lost with the run that put it off
                agenda.add(item.due, [(queue, item.key)])
    items = tuple(packing.items.values())
    return Batch(queue, token, queues.calls_per_second(type_), items, tuple(entries))
