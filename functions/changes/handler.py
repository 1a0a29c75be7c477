"""Turns what was written to profiles into memberships, into pending items for the destinations that take them, and into
what linked profiles tell each other.

Reads the table's own change stream: nothing is told that was not committed, and nothing committed is forgotten. Every
write below is idempotent by the profile's version, so a batch that comes again changes nothing.
"""

from typing import Any

from personas import linking
from personas.clock import now_ms
from personas.core.activation.changes import Changes
from personas.core.activation.pending import Pending
from personas.stores import agenda, destinations, links, members, outbox, profiles, spaces


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    now = now_ms()
    images = [record["dynamodb"] for record in event["Records"]]
    begun = [links.begun(one.get("OldImage"), one.get("NewImage")) for one in images if links.is_link(one["Keys"])]
    writes = [_write(one) for one in images if not links.is_link(one["Keys"])]
    changes = Changes()
    for old, new in writes:
        changes.add(old, new)
    changes.drop(changes.erased - spaces.heads(changes.erased).keys())
    members.note(changes.memberships.values())
    for space in changes.spaces:
        _tell(space, changes, now)
    linking.tell(writes, [one for one in begun if one])
    return {"batchItemFailures": []}


def _write(images: dict[str, Any]) -> linking.Write:
    old, new = images.get("OldImage"), images.get("NewImage")
    return profiles.of_image(old) if old else None, profiles.of_image(new) if new else None


def _tell(space: str, changes: Changes, now: int) -> None:
    """Items first, the agenda after them: an entry that is read before its item would be struck off for nothing."""
    receivers = [destination for destination in destinations.of_space(space) if destination.enabled]
    pending = [
        Pending(destination.id, change, due=now)
        for destination in receivers
        for change in changes.of_space(space)
        if destination.receives(change.computation.id, change.computation.key)
    ]
    outbox.put(pending)
    agenda.add(now, ((entry.queue, entry.key) for entry in pending))
    for destination in receivers:
        for profile, version in changes.gone_of(space):
            outbox.cancel(space, destination.id, profile, version, now)
