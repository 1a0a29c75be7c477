"""Spaces, and the head of each: the versions of its settings that are current.

The list lies under `workspace`, by id and by slug; the head under the space. A space exists exactly as long as its head
does, which is what pipelines ask for.
"""

from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from personas import documents, dynamo
from personas.aws import client
from personas.core.errors import Conflict, NotFound
from personas.core.workspace import Head, Space

WORKSPACE = "workspace"


def space_key(space: str) -> str:
    return f"space#{space}"


def slug_key(slug: str) -> str:
    return f"slug#{slug}"


def head_key(space: str) -> dict[str, Any]:
    return documents.key(f"{space}#head", "head")


def create(space: Space) -> None:
    """Not idempotent: raises Conflict where the slug is taken."""
    try:
        documents.transact(
            [
                documents.new(WORKSPACE, space_key(space.id), space.to_data()),
                documents.new(WORKSPACE, slug_key(space.slug), {"space": space.id}),
                {"Put": {"TableName": documents.table(), "Item": _head_item(space.id, Head())}},
            ]
        )
    except documents.NotAsExpected:
        raise Conflict(f"slug {space.slug!r} belongs to another space of this workspace") from None


def close(space: Space) -> None:
    """From here on pipelines drop what belongs to the space; it is still found, to be deleted on. Idempotent."""
    client("dynamodb").delete_item(TableName=documents.table(), Key=head_key(space.id))


def forget(space: Space) -> None:
    """The last of a deleted space: its name is free again. Idempotent."""
    dynamo.batch_write(
        documents.table(),
        deletes=[documents.key(WORKSPACE, space_key(space.id)), documents.key(WORKSPACE, slug_key(space.slug))],
    )


def find(id_or_slug: str) -> Space:
    """Raises NotFound."""
    data = documents.get(WORKSPACE, space_key(id_or_slug))
    if data is None:
        slug = documents.get(WORKSPACE, slug_key(id_or_slug))
        data = slug and documents.get(WORKSPACE, space_key(slug["space"]))
    if data is None:
        raise NotFound(f"there is no space {id_or_slug!r}")
    return Space(**data)


def all() -> list[Space]:
    """Every space of the workspace, by id."""
    return [Space(**data) for data in documents.all_of(WORKSPACE, space_key(""))]


def head(space: str) -> Head | None:
    """Read consistently. None: there is no such space (any more), and what belongs to it is dropped."""
    found = client("dynamodb").get_item(TableName=documents.table(), Key=head_key(space), ConsistentRead=True)
    return _head(found["Item"]) if "Item" in found else None


def heads(spaces: Iterable[str]) -> dict[str, Head]:
    """The heads of several spaces, read consistently in one call; those that do not exist are absent."""
    found = dynamo.batch_get(documents.table(), [head_key(space) for space in sorted(set(spaces))])
    return {item["pk"]["S"].removesuffix("#head"): _head(item) for item in found}


def head_moved(space: str, name: str, version: int) -> dict[str, Any]:
    """A transaction's action: the head's `definitions` or `rules` goes from version - 1 to version."""
    still_at_the_version_before = "#name = :before"
    return {
        "Update": {
            "TableName": documents.table(),
            "Key": head_key(space),
            "UpdateExpression": "SET #name = :version",
            "ConditionExpression": still_at_the_version_before,
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":version": {"N": str(version)}, ":before": {"N": str(version - 1)}},
        }
    }


def barrier_sent(space: str, version: int) -> None:
    """The version was announced to every lane. Idempotent; an older one does not undo a newer."""
    exists_and_is_older = "barrier < :version"
    try:
        client("dynamodb").update_item(
            TableName=documents.table(),
            Key=head_key(space),
            UpdateExpression="SET barrier = :version",
            ConditionExpression=exists_and_is_older,
            ExpressionAttributeValues={":version": {"N": str(version)}},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def _head(item: dict[str, Any]) -> Head:
    return Head(int(item["definitions"]["N"]), int(item["rules"]["N"]), int(item["barrier"]["N"]))


def _head_item(space: str, head: Head) -> dict[str, Any]:
    versions = {"definitions": head.definitions, "rules": head.rules, "barrier": head.barrier}
    return {**head_key(space), **{name: {"N": str(version)} for name, version in versions.items()}}
