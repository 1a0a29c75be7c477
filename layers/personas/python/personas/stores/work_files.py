"""What the steps of a workflow hand to each other, as JSON in WORK_BUCKET, whose lifecycle removes it."""

from typing import Any

import orjson

from personas.aws import client, setting


def keep(key: str, data: Any) -> str:
    """Idempotent. The key."""
    client("s3").put_object(Bucket=setting("WORK_BUCKET"), Key=key, Body=orjson.dumps(data))
    return key


def load(key: str) -> Any:
    return orjson.loads(client("s3").get_object(Bucket=setting("WORK_BUCKET"), Key=key)["Body"].read())
