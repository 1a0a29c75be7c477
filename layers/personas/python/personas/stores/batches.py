"""Batches in flight, and the answers to them, as JSON in WORK_BUCKET, whose lifecycle removes them after a week."""

import orjson

from personas.aws import client, setting
from personas.core.activation.batch import Batch
from personas.core.activation.settlement import Answer


def save(batch: Batch) -> None:
    """Idempotent: the key has the lease's token in it, and a token is used once."""
    body = orjson.dumps(batch.to_data())
    client("s3").put_object(Bucket=setting("WORK_BUCKET"), Key=batch.key, Body=body, ContentType="application/json")


def load(key: str) -> Batch:
    return Batch.of_data(_read(key))


def answers(key: str) -> list[list[Answer]]:
    """What `deliver` wrote: the answers to each item's calls, in the batch's order."""
    return [[Answer.of_data(answer) for answer in given] for given in _read(key)["answers"]]


def _read(key: str) -> dict[str, list[list[dict[str, str]]]]:
    body = client("s3").get_object(Bucket=setting("WORK_BUCKET"), Key=key)["Body"].read()
    found: dict[str, list[list[dict[str, str]]]] = orjson.loads(body)
    return found
