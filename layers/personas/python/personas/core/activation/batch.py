"""A batch is what one queue sends at one go: calls grouped by pending item, within the destination's rate.

It lies in S3 as JSON while it is in flight; workflow states carry its key only. It names its destination; the settings,
which may hold secrets, `deliver` reads itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from personas.core.activation.payloads import calls
from personas.core.activation.pending import Key, Pending
from personas.core.activation.queue import Queue

MAX_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """A pending item as it was when the batch was planned."""

    profile: str
    computation: str
    version: int
    tries: int
    first_tried: int
    finished: tuple[str, ...]
    calls: tuple[dict[str, Any], ...]
    change: dict[str, Any]
    """The change that the calls tell of, for their dead letters: from it the item can be made again."""

    @property
    def key(self) -> Key:
        return self.profile, self.computation

    @classmethod
    def of(cls, pending: Pending, namespace: str, now: int) -> "Item":
        change = pending.change
        left = tuple(call for call in calls(change, namespace) if call["messageId"] not in pending.finished)
        first = now if pending.first_tried is None else pending.first_tried
        return cls(*pending.key, change.version, pending.tries, first, pending.finished, left, change.to_data())

    def to_data(self) -> dict[str, Any]:
        return {
            "profile": self.profile,
            "computation": self.computation,
            "version": self.version,
            "tries": self.tries,
            "firstTried": self.first_tried,
            "finished": list(self.finished),
            "calls": list(self.calls),
            "change": self.change,
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Item":
        return cls(
            data["profile"],
            data["computation"],
            data["version"],
            data["tries"],
            data["firstTried"],
            tuple(data["finished"]),
            tuple(data["calls"]),
            data["change"],
        )


@dataclass(frozen=True, slots=True)
class Batch:
    queue: Queue
    token: int
    """The fencing token of the queue's lease: a later batch of the queue has a greater one."""
    calls_per_second: float
    items: tuple[Item, ...]
    entries: tuple[str, ...]
    """The agenda's entries that the batch works off."""

    @property
    def key(self) -> str:
        queue = self.queue
        return f"activation/{queue.space}/{queue.destination}/{queue.number}/{self.token:010d}.json"

    def to_data(self) -> dict[str, Any]:
        return {
            "space": self.queue.space,
            "destination": self.queue.destination,
            "queue": self.queue.number,
            "token": self.token,
            "callsPerSecond": self.calls_per_second,
            "items": [item.to_data() for item in self.items],
            "entries": list(self.entries),
        }

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "Batch":
        queue = Queue(data["space"], data["destination"], data["queue"])
        items = tuple(Item.of_data(item) for item in data["items"])
        return cls(queue, data["token"], data["callsPerSecond"], items, tuple(data["entries"]))


@dataclass(slots=True)
class Packing:
    """Items of a batch as they are taken up, until its calls or bytes are enough."""

    max_calls: int
    items: dict[Key, Item] = field(default_factory=dict)
    calls: int = 0
    size: int = 0

    @property
    def full(self) -> bool:
        return self.calls >= self.max_calls or self.size >= MAX_BYTES

    def take(self, items: Iterable[Item]) -> None:
        """All of them, once each: entries of the agenda are worked off whole."""
        for item in items:
            if item.key not in self.items:
                self.items[item.key] = item
                self.calls += len(item.calls)
                self.size += len(orjson.dumps(item.calls))
