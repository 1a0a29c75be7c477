"""Claims the queues that have something due, and writes one batch for each to the work bucket."""

from collections.abc import Iterator
from typing import Any

from personas import clock
from personas.core.activation import queue as queues
from personas.core.activation.batch import Batch, Item, Packing
from personas.core.activation.queue import Queue
from personas.core.destination import Destination
from personas.core.workspace import Space
from personas.stores import agenda, batches, destinations, leases, outbox, spaces

MAX_BATCHES = 1_000
"""Keys that fit into a workflow state of 256 KB with room to spare."""


def handle(_event: Any, _context: Any) -> dict[str, Any]:
    now = clock.now_ms()
    keys: list[str] = []
    for space in spaces.all():
        keys += (batch.key for batch in _plan(space, now))
        if len(keys) >= MAX_BATCHES:
            break
    return {"count": len(keys), "batches": [{"key": key} for key in keys]}


def _plan(space: Space, now: int) -> Iterator[Batch]:
    known: dict[str, Destination] | None = None
    for queue in agenda.queues_due(space.id, now):
        if known is None:
            known = {destination.id: destination for destination in destinations.of_space(space.id)}
        token = leases.claim(queue, now)
        if token is None:
            continue  # its batch is in flight
        destination = known.get(queue.destination)
        batch = _batch(queue, token, destination, space.slug, now)
        if batch.items:
            batches.save(batch)
            yield batch
        else:
            agenda.remove(queue.space, batch.entries)
            leases.release(queue, token, {}, now)


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
