"""Pending items in ACTIVATION_TABLE: pk `{space}#out#{destination}#{profile}`, sk the computation's id.

Invariant: the item's `v` never falls. A settled item keeps its `v` for a week, longer than any stream repeats itself,
so that what is written again changes nothing; then its ttl takes it away.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from personas import dynamo, wire
from personas.aws import client, setting
from personas.core.activation.change import Change
from personas.core.activation.pending import Key, Pending
from personas.core.activation.settlement import Waiting
from personas.core.moments import DAY

Item = dict[str, Any]
REMEMBERED = 7 * DAY
_ABREAST = 16
"""Conditional writes in flight at once: they cannot be batched, and cost the same one by one."""

_NOT_THERE = "attribute_not_exists(pk)"
_OLDER = "v < :v"
_SAME = "v = :v"
_SETTLED = "settled = :yes"
_OPEN = "settled = :no"
_TRIED_AS_OFTEN = "tries = :tries"


def partition(space: str, destination: str, profile: str) -> str:
    return f"{space}#out#{destination}#{profile}"


def put(pending: Iterable[Pending]) -> None:
    """Each replaces what is stored with an older version. Idempotent: the same version again changes nothing."""
    _each(_put, pending)


def read(space: str, destination: str, keys: Iterable[Key]) -> list[Pending]:
    """The open items among the keys (settled ones are left out), in no order; consistent."""
    distinct = list(dict.fromkeys(keys))
    found = dynamo.batch_get(_table(), [_key(space, destination, *key) for key in distinct])
    return [_pending(item) for item in found if not item["settled"]["BOOL"]]


def finish(space: str, destination: str, versions: Iterable[tuple[Key, int]], now: int) -> None:
    """Settle the items that still have the version. Idempotent; a newer version stays open."""

    def one(entry: tuple[Key, int]) -> None:
        key, version = entry
        _update(
            _key(space, destination, *key),
            "SET settled = :yes, #ttl = :ttl REMOVE #data, finished",
            _SAME,
            {":v": _n(version), ":yes": {"BOOL": True}, ":ttl": _ttl(now)},
        )

    _each(one, versions)


def wait(space: str, destination: str, items: Iterable[Waiting]) -> None:
    """Note the failed try of items (`Waiting`) that still have the version and the number of tries of their batch.
    Idempotent: the second time the number of tries differs."""

    def one(waiting: Waiting) -> None:
        item = waiting.item
        values = {
            ":v": _n(item.version),
            ":no": {"BOOL": False},
            ":tries": _n(item.tries),
            ":more": _n(item.tries + 1),
            ":due": _n(waiting.due),
            ":first": _n(item.first_tried),
            ":finished": {"L": [{"S": message_id} for message_id in item.finished]},
        }
        change = "SET tries = :more, due = :due, first_tried = :first, finished = :finished"
        _update(_key(space, destination, *item.key), change, f"{_SAME} AND {_OPEN} AND {_TRIED_AS_OFTEN}", values)

    _each(one, items)


def cancel(space: str, destination: str, profile: str, version: int, now: int) -> None:
    """Settle whatever waits of a profile in versions before this one. Idempotent."""
    request: dict[str, Any] = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": partition(space, destination, profile)}},
        "ConsistentRead": True,
    }
    for item in dynamo.query(_table(), **request):
        if item["settled"]["BOOL"]:
            continue
        _update(
            {"pk": item["pk"], "sk": item["sk"]},
            "SET settled = :yes, #ttl = :ttl, v = :v REMOVE #data, finished",
            _OLDER,
            {":v": _n(version), ":yes": {"BOOL": True}, ":ttl": _ttl(now)},
        )


def reopen(pending: Pending) -> None:
    """Try once more the calls of a settled version that `pending` does not list as finished. Idempotent; does nothing
    where a newer version has come."""
    open_ones = read(pending.change.space, pending.destination, [pending.key])
    version = {":v": _n(pending.change.version)}
    if not open_ones:
        _write(
            _item(pending), f"{_NOT_THERE} OR {_OLDER} OR ({_SAME} AND {_SETTLED})", {**version, ":yes": {"BOOL": True}}
        )
        return
    stored = open_ones[0]
    if stored.change.version == pending.change.version:
        # The others of its calls are still being tried: what they have finished stands, but for what is reopened.
        finished = tuple(entry for entry in stored.finished if entry in pending.finished)
        again = replace(stored, finished=finished, due=min(stored.due, pending.due))
        values = {**version, ":no": {"BOOL": False}, ":tries": _n(stored.tries)}
        _write(_item(again), f"{_SAME} AND {_OPEN} AND {_TRIED_AS_OFTEN}", values)


def _put(pending: Pending) -> None:
    version = {":v": _n(pending.change.version)}
    if pending.change.only is not None:
        # Who is told only what is new to them may be told so only where nothing older still waits for everybody.
        if _write(_item(pending), f"{_NOT_THERE} OR ({_OLDER} AND {_SETTLED})", {**version, ":yes": {"BOOL": True}}):
            return
        before = read(pending.change.space, pending.destination, [pending.key])
        pending = pending.over(before[0]) if before else pending
    _write(_item(pending), f"{_NOT_THERE} OR {_OLDER}", version)


def _item(pending: Pending) -> Item:
    change = pending.change
    item = {
        **_key(change.space, pending.destination, *pending.key),
        "v": _n(change.version),
        "settled": {"BOOL": False},
        "due": _n(pending.due),
        "tries": _n(pending.tries),
        "data": {"B": wire.pack(change.to_data())},
    }
    if pending.first_tried is not None:
        item["first_tried"] = _n(pending.first_tried)
    if pending.finished:
        item["finished"] = {"L": [{"S": message_id} for message_id in pending.finished]}
    return item


def _pending(item: Item) -> Pending:
    space, _, destination, profile = item["pk"]["S"].split("#")
    return Pending(
        destination,
        Change.of_data(space, profile, wire.unpack(item["data"]["B"])),
        due=int(item["due"]["N"]),
        tries=int(item["tries"]["N"]),
        first_tried=int(item["first_tried"]["N"]) if "first_tried" in item else None,
        finished=tuple(entry["S"] for entry in item.get("finished", {"L": []})["L"]),
    )


def _write(item: Item, condition: str, values: dict[str, Any]) -> bool:
    return _unless_refused(
        lambda: client("dynamodb").put_item(
            TableName=_table(), Item=item, ConditionExpression=condition, ExpressionAttributeValues=values
        )
    )


def _update(key: Item, change: str, condition: str, values: dict[str, Any]) -> bool:
    request = {
        "TableName": _table(),
        "Key": key,
        "UpdateExpression": change,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }
    names = {name: name[1:] for name in ("#ttl", "#data") if name in change}
    if names:
        request["ExpressionAttributeNames"] = names
    return _unless_refused(lambda: client("dynamodb").update_item(**request))


def _unless_refused(write: Callable[[], Any]) -> bool:
    """False where the condition did not hold."""
    try:
        write()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _each(write: Callable[[Any], Any], entries: Iterable[Any]) -> None:
    """All are tried; the first error is raised."""
    listed = list(entries)
    if len(listed) < 2:
        for entry in listed:
            write(entry)
        return
    client("dynamodb")  # made here once: making a client is not thread-safe
    with ThreadPoolExecutor(min(_ABREAST, len(listed))) as pool:
        list(pool.map(write, listed))


def _key(space: str, destination: str, profile: str, computation: str) -> Item:
    return {"pk": {"S": partition(space, destination, profile)}, "sk": {"S": computation}}


def _n(number: int) -> dict[str, str]:
    return {"N": str(number)}


def _ttl(now: int) -> dict[str, str]:
    return _n((now + REMEMBERED) // 1_000)


def _table() -> str:
    return setting("ACTIVATION_TABLE")
