"""DynamoDB in batches: what the service leaves unprocessed is sent again, with a pause, until done or out of tries.

Items are in DynamoDB's own form ({"pk": {"S": ...}}): stores convert, this file only carries.
"""

import random
import time
from collections.abc import Iterable, Iterator
from typing import Any

from personas.aws import client
from personas.core.errors import Unavailable

Item = dict[str, Any]

READ_BATCH = 100
WRITE_BATCH = 25
TRIES = 8


class ThroughputExceeded(Unavailable):
    """DynamoDB left items unprocessed on every try."""


def batch_get(table: str, keys: Iterable[Item], *, consistent: bool = True) -> list[Item]:
    """Items that exist among the keys, in no order. The keys must be distinct."""
    found: list[Item] = []
    for chunk in chunks(list(keys), READ_BATCH):
        request: Any = {table: {"Keys": chunk, "ConsistentRead": consistent}}
        for pause in _pauses():
            answer = client("dynamodb").batch_get_item(RequestItems=request)
            found += answer["Responses"].get(table, [])
            request = answer.get("UnprocessedKeys")
            if not request:
                break
            time.sleep(pause)
        else:
            raise ThroughputExceeded(f"{table}: BatchGetItem left keys unprocessed {TRIES} times")
    return found


def batch_write(table: str, puts: Iterable[Item] = (), deletes: Iterable[Item] = ()) -> None:
    """Put and delete items (deletes are keys). Idempotent; an item may occur once only among both."""
    requests = [{"PutRequest": {"Item": item}} for item in puts]
    requests += [{"DeleteRequest": {"Key": key}} for key in deletes]
    for chunk in chunks(requests, WRITE_BATCH):
        request: Any = {table: chunk}
        for pause in _pauses():
            request = client("dynamodb").batch_write_item(RequestItems=request).get("UnprocessedItems")
            if not request:
                break
            time.sleep(pause)
        else:
            raise ThroughputExceeded(f"{table}: BatchWriteItem left items unprocessed {TRIES} times")


def query(table: str, **request: Any) -> Iterator[Item]:
    """Every item that the query finds, page after page."""
    while True:
        answer = client("dynamodb").query(TableName=table, **request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def chunks(entries: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _pauses() -> Iterator[float]:
    for attempt in range(TRIES):
        yield min(2.0, 0.02 * 2**attempt) * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret
