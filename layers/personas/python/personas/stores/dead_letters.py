"""Dead letters in S3 (DEAD_LETTERS_BUCKET): one object a letter, `{space}/{stage}/{yyyy-mm-dd}/{fingerprint}.json`.

Readable JSON, so that a person can look at one. A letter's key is derived from what failed, so keeping it again
overwrites the same object.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from botocore.exceptions import ClientError

from personas.aws import client, setting


class Letter(Protocol):
    """What can be put aside: `core.dead_letter.DeadLetter`, `core.activation.dead_delivery.DeadDelivery`."""

    @property
    def key(self) -> str: ...

    def to_data(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A letter as it lies in the bucket. Its `data` goes to `of_data` of the class that its stage has."""

    key: str
    data: dict[str, Any]
    etag: str
    """Of the object that was read: a letter that died again meanwhile lies under the same key with another."""


def keep(letters: Iterable[Letter]) -> None:
    """Idempotent: each letter is one object under a key of its own."""
    for letter in letters:
        client("s3").put_object(
            Bucket=setting("DEAD_LETTERS_BUCKET"),
            Key=letter.key,
            Body=orjson.dumps(letter.to_data(), option=orjson.OPT_INDENT_2),
            ContentType="application/json",
        )


def read(space: str, stage: str | None = None) -> Iterator[Kept]:
    """The letters of a space, or of one stage in it, page after page in the order of their keys."""
    bucket = setting("DEAD_LETTERS_BUCKET")
    pages = client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=f"{space}/{stage}/" if stage else f"{space}/"):
        for entry in page.get("Contents", []):
            found = client("s3").get_object(Bucket=bucket, Key=entry["Key"])
            yield Kept(entry["Key"], orjson.loads(found["Body"].read()), found["ETag"])


def forget(letters: Iterable[Kept]) -> None:
    """Delete letters that were replayed, but none that has died again since it was read. Idempotent."""
    for letter in letters:
        try:
            client("s3").delete_object(Bucket=setting("DEAD_LETTERS_BUCKET"), Key=letter.key, IfMatch=letter.etag)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "412", "NoSuchKey", "404"):
                raise
