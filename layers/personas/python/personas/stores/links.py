"""Links: what each user of an account said last, `link#{user}` {data, ended} of the account's key.

Invariant: an account's links are written before its state (core/profile/links.py), by its lane alone. Everybody else
reads them: to tell the users of an account, and to list them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from personas import dynamo, wire
from personas.aws import client
from personas.core.profile.links import Link
from personas.profiles_table import Item, bytes_of, key, profile_pk, table

PREFIX = "link#"


@dataclass(frozen=True, slots=True)
class Begun:
    """A user is linked with an account that it was not linked with before."""

    space: str
    account: str
    user: str


def read(space: str, account: str, users: Iterable[str]) -> dict[str, Link]:
    """The link of each of these users, read consistently; of one that the account does not know, an empty one."""
    found = {user: Link() for user in users}
    pk = profile_pk(space, account)
    for item in dynamo.batch_get(table(), [key(pk, PREFIX + user) for user in found]):
        found[_user(item)] = _link(item)
    return found


def items(space: str, account: str, links: Mapping[str, Link]) -> list[Item]:
    """For a batch; writing them is idempotent."""
    pk = profile_pk(space, account)
    return [
        {
            **key(pk, PREFIX + user),
            "data": {"B": wire.pack(link.to_data(), 6)},
            "ended": {"BOOL": not link.linked},
        }
        for user, link in links.items()
    ]


def pages(space: str, account: str, *, after: str = "", limit: int | None = None) -> Iterator[tuple[list[str], bool]]:
    """Users that are linked with the account, in the order of their ids, page after page, read consistently: only those
    after that one, at most so many. With each page, whether there may be more."""
    request: dict[str, Any] = {
        "TableName": table(),
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":pk": {"S": profile_pk(space, account)},
            ":first": {"S": f"{PREFIX}{after}!" if after else PREFIX},
            ":last": {"S": f"{PREFIX}~"},
        },
        "ProjectionExpression": "sk, ended",
        "ConsistentRead": True,
    }
    if limit:
        request["Limit"] = limit
    while True:
        answer = client("dynamodb").query(**request)
        more = "LastEvaluatedKey" in answer
        yield [_user(item) for item in answer["Items"] if not item["ended"]["BOOL"]], more
        if not more:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def begun(old: Item | None, new: Item | None) -> Begun | None:
    """Of the images of an item, as the table's change stream carries them."""
    if new is None or new["ended"]["BOOL"] or (old is not None and not old["ended"]["BOOL"]):
        return None
    space, account = new["pk"]["S"].split("#p#", 1)
    return Begun(space, account, _user(new))


def is_link(keys: Item) -> bool:
    return bool(keys["sk"]["S"].startswith(PREFIX))


def _user(item: Item) -> str:
    user: str = item["sk"]["S"].removeprefix(PREFIX)
    return user


def _link(item: Item) -> Link:
    return Link.of_data(wire.unpack(bytes_of(item["data"])))
