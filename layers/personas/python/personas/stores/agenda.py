"""What each queue has to do, and when: pk `{space}#agenda`, sk `{destination}#{queue}#{due:013d}#{random}`, `keys`.

Entries are hints that are written after the pending items that they name, many to one, and read in the order in which
they fall due; the items are the truth. So one more entry, or one too many, does no harm, and finding out that a space
has nothing to do is one read.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from personas import dynamo, wire
from personas.aws import client, setting
from personas.core.activation.pending import Key
from personas.core.activation.queue import Queue

KEYS_AN_ENTRY = 100


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    """The sort key."""
    keys: tuple[Key, ...]


def partition(space: str) -> str:
    return f"{space}#agenda"


def add(due: int, keys: Iterable[tuple[Queue, Key]]) -> None:
    """Look at these items from `due` (ms) on. Done twice it makes two entries of the same meaning."""
    by_queue: dict[Queue, list[Key]] = {}
    for queue, key in keys:
        by_queue.setdefault(queue, []).append(key)
    puts = [
        {
            "pk": {"S": partition(queue.space)},
            "sk": {"S": f"{_prefix(queue)}{due:013d}#{secrets.token_hex(6)}"},
            "keys": {"B": wire.pack(chunk)},
        }
        for queue, listed in by_queue.items()
        for chunk in dynamo.chunks(listed, KEYS_AN_ENTRY)
    ]
    dynamo.batch_write(setting("ACTIVATION_TABLE"), puts=puts)


def queues_due(space: str, now: int) -> Iterator[Queue]:
    """The queues with something to do by now: one read for each that has entries at all, and one to see the end."""
    after = ""
    while True:
        head = next(_between(space, after, "~", limit=1), None)
        if head is None:
            return
        destination, number, due, _ = head["sk"]["S"].split("#")
        queue = Queue(space, destination, int(number))
        if int(due) <= now:
            yield queue
        after = _prefix(queue) + "~"


def entries(queue: Queue, now: int) -> Iterator[Entry]:
    """The queue's entries that are due, longest due first."""
    prefix = _prefix(queue)
    for item in _between(queue.space, prefix, f"{prefix}{now:013d}~", limit=25):
        keys = tuple((profile, computation) for profile, computation in wire.unpack(item["keys"]["B"]))
        yield Entry(item["sk"]["S"], keys)


def remove(space: str, ids: Iterable[str]) -> None:
    """Idempotent."""
    deletes = [{"pk": {"S": partition(space)}, "sk": {"S": entry}} for entry in dict.fromkeys(ids)]
    dynamo.batch_write(setting("ACTIVATION_TABLE"), deletes=deletes)


def _prefix(queue: Queue) -> str:
    return f"{queue.destination}#{queue.number}#"


def _between(space: str, after: str, until: str, limit: int) -> Iterator[dict[str, Any]]:
    """Items in (after, until], read `limit` at a time, so that who stops early has not read much."""
    request: dict[str, Any] = {
        "TableName": setting("ACTIVATION_TABLE"),
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :after AND :until",
        "ExpressionAttributeValues": {
            ":pk": {"S": partition(space)},
            ":after": {"S": after + "!" if after else "!"},
            ":until": {"S": until},
        },
        "ConsistentRead": True,
        "Limit": limit,
    }
    while True:
        answer = client("dynamodb").query(**request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
