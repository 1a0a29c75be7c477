"""Whole batches that Lambda gave up, as it writes them into DEAD_LETTERS_BUCKET, beside the dead letters of single
events: `aws/lambda/{mapping}/{shard}/{yyyy}/{mm}/{dd}/{moment}-{uuid}`. A batch holds records of any space.
"""

import orjson

from personas.aws import client, setting
from personas.core.discarded_batch import DiscardedBatch

PREFIX = "aws/lambda/"


def waiting() -> list[str]:
    """The keys of all that are there now: each mapping's and shard's in the order in which they were given up."""
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=_bucket(), Prefix=PREFIX)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def read(key: str) -> DiscardedBatch:
    """Raises RecordsMissing."""
    body = client("s3").get_object(Bucket=_bucket(), Key=key)["Body"].read()
    return DiscardedBatch.of_data(orjson.loads(body))


def forget(key: str) -> None:
    """Idempotent."""
    client("s3").delete_object(Bucket=_bucket(), Key=key)


def _bucket() -> str:
    return setting("DEAD_LETTERS_BUCKET")
