"""What a simulation reads, between gathering and replay: items of the identity table as gzipped lines of JSON, in
WORK_BUCKET, whose lifecycle removes what a run that was aborted left behind.
"""

import base64
import gzip
import io
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from personas.aws import client, setting
from personas.stores.graph_items import Item

BINARY = "data"
"""The one attribute of these items that is not text or a number."""


class Part:
    """One object, while it is written."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._lines = gzip.GzipFile(fileobj=self._bytes, mode="wb", compresslevel=1, mtime=0)
        self.items = 0

    def add(self, items: Iterable[Item]) -> None:
        for item in items:
            self._lines.write(orjson.dumps(item, default=_text_of) + b"\n")
            self.items += 1

    def keep(self, key: str) -> None:
        """Idempotent: the last one stands."""
        self._lines.close()
        client("s3").put_object(Bucket=setting("WORK_BUCKET"), Key=key, Body=self._bytes.getvalue())


def key(space: str, simulation: str, segment: int, part: int) -> str:
    return f"{_folder(space, simulation)}{segment:03d}-{part:04d}.jsonl.gz"


def read(part: str) -> Iterator[Item]:
    """Line by line, as it comes."""
    body = client("s3").get_object(Bucket=setting("WORK_BUCKET"), Key=part)["Body"]
    with gzip.GzipFile(fileobj=body) as lines:
        for line in lines:
            item: Item = orjson.loads(line)
            if BINARY in item:
                item[BINARY] = {"B": base64.b64decode(item[BINARY]["B"])}
            yield item


def remove(space: str, simulation: str) -> None:
    """All parts of it. Idempotent."""
    bucket = setting("WORK_BUCKET")
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_folder(space, simulation))
    for page in pages:
        for found in page.get("Contents", ()):
            client("s3").delete_object(Bucket=bucket, Key=found["Key"])


def _folder(space: str, simulation: str) -> str:
    return f"simulations/{space}/{simulation}/"


def _text_of(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()
