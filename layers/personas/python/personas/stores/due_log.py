"""The due log: which profiles may change by the passing of time, under the hour in which they do.

`{space}#due` / `{hour}#{sequence}#{digest}` {data: ids, ttl}: one small item per batch and hour, appended by
`profiles`, deleted by the recompute once ticked. So what lies there up to now is what is to be done, however many hours
were missed, and an hour without entries costs nothing.

Invariant: nothing is appended under an hour that has begun (core/profile/actor.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from personas import dynamo, wire
from personas.aws import client
from personas.profiles_table import Item, bytes_of, key, sequence_text, table

IDS = 10_000
"""Ids in one item: well under 400 KB."""

KEPT_HOURS = 90 * 24
"""For what nobody ticks, such as the log of a deleted space."""


def due_pk(space: str) -> str:
    return f"{space}#due"


def hour_prefix(hour: int) -> str:
    return f"{hour:08d}#"


def append(due: Mapping[tuple[str, int], Iterable[str]], sequence: int) -> None:
    """Profiles by (space, hour), appended by the batch up to the sequence number.

    Idempotent. The key holds a digest of the ids: a batch that comes again with fewer of them replaces nothing.
    """
    dynamo.batch_write(
        table(),
        [
            _item(space, hour, sequence, ids)
            for (space, hour), profiles in due.items()
            for ids in dynamo.chunks(sorted(set(profiles)), IDS)
        ],
    )


def _item(space: str, hour: int, sequence: int, ids: list[str]) -> Item:
    digest = blake2b("\x1f".join(ids).encode(), digest_size=8).hexdigest()
    return {
        **key(due_pk(space), f"{hour_prefix(hour)}{sequence_text(sequence)}#{digest}"),
        "data": {"B": wire.pack(ids, 6)},
        "ttl": {"N": str((hour + KEPT_HOURS) * 3600)},
    }


def hours(space: str, last: int) -> Iterator[int]:
    """The hours up to the last that hold entries, in order: one small read for each, and one more."""
    first = 0
    while first <= last:
        request = _request(space, hour_prefix(first), f"{hour_prefix(last)}~")
        answer = client("dynamodb").query(TableName=table(), Limit=1, **request)
        if not answer["Items"]:
            return
        hour = int(answer["Items"][0]["sk"]["S"].split("#", 1)[0])
        yield hour
        first = hour + 1


def read(space: str, hour: int) -> Iterator[tuple[Item, list[str]]]:
    """The entries of an hour, each with its key, read consistently."""
    for item in dynamo.query(table(), **_request(space, hour_prefix(hour), f"{hour_prefix(hour)}~")):
        yield {"pk": item["pk"], "sk": item["sk"]}, wire.unpack(bytes_of(item["data"]))


def delete(keys: Iterable[Item]) -> None:
    """Idempotent."""
    dynamo.batch_write(table(), deletes=keys)


def _request(space: str, first: str, last: str) -> dict[str, Any]:
    return {
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":pk": {"S": due_pk(space)}, ":first": {"S": first}, ":last": {"S": last}},
        "ConsistentRead": True,
    }
