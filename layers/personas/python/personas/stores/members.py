"""Who is in an audience: pk `{space}#audience#{audience}`, sk `member#{profile}` {v, member, since}, and sk `counts`.

Who is in another list (`core/activation/changes.py`, `capped_by`) is kept alike.

Invariant: `counts.size` is the number of member items that say yes: both change in one transaction.
"""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from personas import dynamo
from personas.aws import client, setting
from personas.core.activation.changes import Membership
from personas.core.errors import Unavailable

Item = dict[str, Any]
_TOGETHER = 99
"""Members in one transaction: 100 actions, of which one is the counts."""


class MembersContended(Unavailable):
    """Others kept changing the same audience's members or counts."""


@dataclass(frozen=True, slots=True)
class Counts:
    size: int = 0
    entered: int = 0
    exited: int = 0


def note(memberships: Iterable[Membership]) -> None:
    """Write the memberships that are newer than what is stored. Idempotent. One change per profile and audience."""
    by_audience: dict[tuple[str, str], list[Membership]] = {}
    for membership in memberships:
        by_audience.setdefault((membership.space, membership.audience), []).append(membership)
    for listed in by_audience.values():
        for chunk in dynamo.chunks(listed, _TOGETHER):
            _note(chunk)


def counts(space: str, audience: str) -> Counts:
    return counts_of(space, [audience])[audience]


def counts_of(space: str, audiences: Iterable[str]) -> dict[str, Counts]:
    """Of each of them, read consistently; whom nobody ever entered counts nobody."""
    keys = {partition(space, audience): audience for audience in audiences}
    items = dynamo.batch_get(_table(), [{"pk": {"S": pk}, "sk": {"S": "counts"}} for pk in keys])
    found = {keys[item["pk"]["S"]]: _counts(item) for item in items}
    return {audience: found.get(audience, Counts()) for audience in keys.values()}


def _counts(item: Item) -> Counts:
    return Counts(**{name: int(item[name]["N"]) for name in ("size", "entered", "exited")})


def members(space: str, audience: str) -> Iterable[str]:
    """Profile ids of the members, in the order of the ids."""
    request: Item = {
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :member)",
        "FilterExpression": "#member = :yes",
        "ExpressionAttributeNames": {"#member": "member"},
        "ExpressionAttributeValues": {
            ":pk": {"S": partition(space, audience)},
            ":member": {"S": "member#"},
            ":yes": {"BOOL": True},
        },
    }
    return (item["sk"]["S"].removeprefix("member#") for item in dynamo.query(_table(), **request))


def partition(space: str, audience: str) -> str:
    return f"{space}#audience#{audience}"


def _note(memberships: list[Membership]) -> None:
    for attempt in range(dynamo.TRIES):
        found = dynamo.batch_get(_table(), [_key(membership) for membership in memberships])
        stored = {item["sk"]["S"]: item for item in found}
        actions, size, entered, exited = [], 0, 0, 0
        for membership in memberships:
            item = stored.get(_key(membership)["sk"]["S"])
            if item and int(item["v"]["N"]) >= membership.version:
                continue
            was = bool(item and item["member"]["BOOL"])
            size += membership.member - was
            entered += membership.member and not was
            exited += was and not membership.member
            actions.append(_put(membership, item))
        if not actions or _transact([*actions, *_count(memberships[0], size, entered, exited)]):
            return
        time.sleep(0.02 * 2**attempt * (0.5 + random.random() / 2))  # noqa: S311 - jitter, not a secret
    raise MembersContended(f"audience {memberships[0].audience}: refused {dynamo.TRIES} times")


def _put(membership: Membership, stored: Item | None) -> Item:
    """Conditional on what was read, so that the counts are those of this very change."""
    as_read = "v = :read" if stored else "attribute_not_exists(pk)"
    put: Item = {
        "TableName": _table(),
        "Item": {
            **_key(membership),
            "v": {"N": str(membership.version)},
            "member": {"BOOL": membership.member},
            "since": {"N": str(membership.since)},
        },
        "ConditionExpression": as_read,
    }
    if stored:
        put["ExpressionAttributeValues"] = {":read": stored["v"]}
    return {"Put": put}


def _count(membership: Membership, size: int, entered: int, exited: int) -> list[Item]:
    if not (entered or exited):
        return []
    values = {":size": size, ":entered": entered, ":exited": exited}
    return [
        {
            "Update": {
                "TableName": _table(),
                "Key": {"pk": {"S": partition(membership.space, membership.audience)}, "sk": {"S": "counts"}},
                "UpdateExpression": "ADD #size :size, entered :entered, exited :exited",
                "ExpressionAttributeNames": {"#size": "size"},
                "ExpressionAttributeValues": {name: {"N": str(number)} for name, number in values.items()},
            }
        }
    ]


def _transact(actions: list[Item]) -> bool:
    """False where somebody else changed one of the items meanwhile."""
    try:
        client("dynamodb").transact_write_items(TransactItems=actions)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        return False
    return True


def _key(membership: Membership) -> Item:
    return {
        "pk": {"S": partition(membership.space, membership.audience)},
        "sk": {"S": f"member#{membership.profile}"},
    }


def _table() -> str:
    return setting("ACTIVATION_TABLE")
