"""The due log: which profiles may change by the passing of time, under the hour in which they do.

`{space}#due#{hour}` / `{sequence}#{digest}` {data: ids, ttl}: one small item per batch and hour, appended by
`profiles`, deleted by the recompute once ticked. `{space}#due` / `cursor` {hour}: where the recompute begins.

Invariant: nothing is appended under an hour that has begun (core/profile/actor.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

from personas import dynamo, wire
from personas.aws import client
from personas.profiles_table import Item, bytes_of, key, sequence_text, table

IDS = 10_000
"""Ids in one item: well under 400 KB."""

KEPT_HOURS = 90 * 24
"""For what nobody ticks, such as the log of a deleted space."""


def hour_pk(space: str, hour: int) -> str:
    return f"{space}#due#{hour:08d}"


def cursor_key(space: str) -> Item:
    return key(f"{space}#due", "cursor")


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
        **key(hour_pk(space, hour), f"{sequence_text(sequence)}#{digest}"),
        "data": {"B": wire.pack(ids, 6)},
        "ttl": {"N": str((hour + KEPT_HOURS) * 3600)},
    }


def read(space: str, hour: int) -> Iterator[tuple[Item, list[str]]]:
    """The entries of an hour, each with its key, read consistently."""
    for item in _query(space, hour):
        yield {"pk": item["pk"], "sk": item["sk"]}, wire.unpack(bytes_of(item["data"]))


def filled(space: str, first: int, last: int) -> list[int]:
    """The hours from first to last that hold entries; each hour costs one small read."""
    return [hour for hour in range(first, last + 1) if next(_query(space, hour, Limit=1), None)]


def delete(keys: Iterable[Item]) -> None:
    """Idempotent."""
    dynamo.batch_write(table(), deletes=keys)


def cursor(space: str) -> int | None:
    """The first hour that may hold entries; None before the first recompute of the space."""
    item = client("dynamodb").get_item(TableName=table(), Key=cursor_key(space), ConsistentRead=True).get("Item")
    return int(item["hour"]["N"]) if item else None


def move_cursor(space: str, hour: int) -> None:
    """Idempotent. Moving it back (two recomputes at once) costs small reads only."""
    client("dynamodb").put_item(TableName=table(), Item={**cursor_key(space), "hour": {"N": str(hour)}})


def _query(space: str, hour: int, **more: int) -> Iterator[Item]:
    return dynamo.query(
        table(),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": hour_pk(space, hour)}},
        ConsistentRead=True,
        **more,
    )
