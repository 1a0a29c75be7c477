"""What a deleted space left in the tables and buckets, found by its name and removed step by step.

Each step is bounded (one page of a table, one page of a bucket) and idempotent: it deletes what it finds and says where
to go on. Tables have no index by space, so that a purge reads each of them once; buckets are asked by prefix.
"""

from typing import Any

from personas import dynamo
from personas.aws import client, setting
from personas.core.errors import Unavailable

ARCHIVED = ("events/space={}/", "identity/space={}/", "traits/space={}/", "tables/space={}/")
WORK = ("preview/{}/", "backfill/{}/")
LETTERS = ("{}/",)
"""Where a space's objects lie in the buckets."""


class NotDeleted(Unavailable):
    """S3 did not delete some of the objects."""


def remove(space: str, place: str, cursor: Any) -> tuple[int, Any]:
    """One step: how many were removed, and the cursor for the next; None: nothing is left."""
    match place:
        case "profiles":
            return _remove_items(setting("PROFILES_TABLE"), space, cursor)
        case "identity":
            return _remove_items(setting("IDENTITY_TABLE"), space, cursor)
        case "activation":
            return _remove_items(setting("ACTIVATION_TABLE"), space, cursor)
        case "control":
            return _remove_items(setting("CONTROL_TABLE"), space, cursor)
        case "archive":
            return _remove_objects(setting("ARCHIVE_BUCKET"), ARCHIVED, space, cursor or 0)
        case "work":
            return _remove_objects(setting("WORK_BUCKET"), WORK, space, cursor or 0)
        case "deadLetters":
            return _remove_objects(setting("DEAD_LETTERS_BUCKET"), LETTERS, space, cursor or 0)
    raise ValueError(f"{place} is none of the places of core/purge.py")


def _remove_items(table: str, space: str, cursor: Any) -> tuple[int, Any]:
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "ProjectionExpression": "pk, sk",
        "FilterExpression": "begins_with(pk, :prefix)",
        "ExpressionAttributeValues": {":prefix": {"S": f"{space}#"}},
    }
    if cursor:
        request["ExclusiveStartKey"] = cursor
    page = client("dynamodb").scan(**request)
    dynamo.batch_write(table, deletes=page["Items"])
    return len(page["Items"]), page.get("LastEvaluatedKey")


def _remove_objects(bucket: str, prefixes: tuple[str, ...], space: str, place: int) -> tuple[int, int | None]:
    """`place`: the prefix that is worked at. Every version goes, and what marks an object as deleted."""
    page = client("s3").list_object_versions(Bucket=bucket, Prefix=prefixes[place].format(space))
    found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
    if not found:
        return 0, place + 1 if place + 1 < len(prefixes) else None
    objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]
    answer = client("s3").delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    if errors := answer.get("Errors"):
        raise NotDeleted(f"{bucket}: {len(errors)} objects, the first because of {errors[0].get('Code')}")
    return len(objects), place
