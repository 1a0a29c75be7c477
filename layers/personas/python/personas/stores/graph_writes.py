"""Writing to the identity graph: what one event changes, in a transaction that checks what was decided on.

It raises GraphMoved, having changed nothing, where somebody else was faster: read again and decide again. It may not
simply be sent again; deciding again after reading makes the whole idempotent.
"""

from collections.abc import Sequence

from botocore.exceptions import ClientError

from personas.aws import client
from personas.core.errors import Unavailable
from personas.core.identity.fact import ASIDE_DAYS, Fact
from personas.core.identity.merge import Merge
from personas.core.identity.root import Root
from personas.core.identity.unmerge import Divided, Unmerge
from personas.core.moments import DAY, SECOND
from personas.stores import graph_items as items
from personas.stores import unmerges
from personas.stores.graph_items import Item

MAX_STEPS = 25
"""Identifiers gained and profiles merged in one transaction: two items each, of the 100 that DynamoDB takes."""


class GraphMoved(Unavailable):
    """A root or an identifier is no longer as it was when the decision was made."""


Loss = tuple[Root, Root, Merge]
"""A profile before and after it was merged away, and the fact."""


def change(space: str, before: Root | None, after: Root, losses: Sequence[Loss], gains: Sequence[Fact]) -> None:
    """A profile absorbs others and gains identifiers, at most MAX_STEPS together, all or nothing. Raises GraphMoved.

    `before` is None for a new profile.
    """
    actions = [_root_put(space, before, after)]
    for loser, gone, merge in losses:
        actions.append(_root_put(space, loser, gone))
        actions.append(_put_new(items.merge_item(space, merge)))
    for fact in gains:
        actions.append(_put_new(items.mapping_item(space, fact.identifier, after.id)))
        actions.append(_put(items.fact_item(space, items.FACT_OF_IDENTIFIER, fact)))
    _transact(actions)


def take_apart(
    space: str, root: Root, restored: Root | None, divided: Divided, merge: Merge | None, last: str | None
) -> None:
    """One profile becomes two: seven items at most, however much leaves. Raises GraphMoved.

    `root`, `restored` (None: the other profile is new) and `last`, the id of the unmerge that was the newest, are what
    the decision was made on; `merge` is taken back.
    """
    unmerge = divided.unmerge
    restoring = _put_new(items.root_item(space, divided.other))
    if restored is not None:
        still_at_the_version_decided_on = "version = :version"
        restoring["Put"]["ConditionExpression"] = still_at_the_version_decided_on
        restoring["Put"]["ExpressionAttributeValues"] = {":version": {"N": str(restored.version)}}
    actions = [
        _root_put(space, root, divided.root),
        restoring,
        _put(unmerges.parting_item(space, unmerge.profile, unmerge.other, unmerge)),
        _put(unmerges.parting_item(space, unmerge.other, unmerge.profile, unmerge)),
        _put_new(unmerges.item_of(unmerge)),
        _succeeding(unmerge, last),
    ]
    if merge is not None:
        actions.append(_taking_back(space, merge, unmerge.id))
    _transact(actions)


def _succeeding(unmerge: Unmerge, last: str | None) -> Item:
    """Of two that were decided on at once, one is decided on again."""
    put = _put_new({**unmerges.last_key(unmerge.space), "id": {"S": unmerge.id}})
    if last is not None:
        still_the_newest = "id = :last"
        put["Put"]["ConditionExpression"] = still_the_newest
        put["Put"]["ExpressionAttributeValues"] = {":last": {"S": last}}
    return put


def _taking_back(space: str, merge: Merge, unmerge_id: str) -> Item:
    fact = items.merge_item(space, merge)
    stands = "attribute_exists(pk) AND attribute_not_exists(undone)"
    return {
        "Update": {
            "TableName": items.table(),
            "Key": {"pk": fact["pk"], "sk": fact["sk"]},
            "UpdateExpression": "SET undone = :unmerge",
            "ConditionExpression": stands,
            "ExpressionAttributeValues": {":unmerge": {"S": unmerge_id}},
        }
    }


def note_aside(space: str, fact: Fact) -> None:
    """That the identifier does not lead to this profile, and why. Idempotent: the first event to say so is kept."""
    item = items.fact_item(space, items.FACT_OF_ASIDE, fact)
    item["ttl"] = {"N": str((fact.seen.created_at + ASIDE_DAYS * DAY) // SECOND)}
    not_noted_yet = "attribute_not_exists(pk)"
    try:
        client("dynamodb").put_item(TableName=items.table(), Item=item, ConditionExpression=not_noted_yet)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def _root_put(space: str, before: Root | None, after: Root) -> Item:
    put = _put_new(items.root_item(space, after))
    if before is not None:
        not_merged = "attribute_not_exists(merged_into)"
        still_at_the_version_decided_on = "version = :version"
        put["Put"]["ConditionExpression"] = f"{not_merged} AND {still_at_the_version_decided_on}"
        put["Put"]["ExpressionAttributeValues"] = {":version": {"N": str(before.version)}}
    return put


def _put_new(item: Item) -> Item:
    put = _put(item)
    nobody_was_faster = "attribute_not_exists(pk)"
    put["Put"]["ConditionExpression"] = nobody_was_faster
    return put


def _put(item: Item) -> Item:
    return {"Put": {"TableName": items.table(), "Item": item}}


def _transact(actions: list[Item]) -> None:
    """botocore gives each call a token, so that its own retry after a lost answer is the same transaction."""
    try:
        client("dynamodb").transact_write_items(TransactItems=actions)
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])} - {None, "None"}
        if codes & {"ValidationError", "ItemCollectionSizeLimitExceeded"}:
            raise
        raise GraphMoved(f"transaction cancelled: {', '.join(sorted(codes))}") from None
