"""Where the objects of the archive's logs lie, and how a batch of rows becomes one.

`{log}/space={space}/day={yyyy-mm-dd}/{first}-{last}-{digest}.parquet`, zstd. The day is that of the row's moment;
first and last are the moments of the batch's rows. Invariant: the same rows are the same object, so that writing is
idempotent; and the name begins with a digit, so that a compacted object's sorts behind it (core/compaction.py).
"""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from personas.aws import client, setting

Row = dict[str, Any]


def folder(log: str, space: str, day: str | None = None) -> str:
    return f"{log}/space={space}/" + (f"day={day}/" if day else "")


def day_of(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")


def put(log: str, schema: Any, moment: str, rows: Sequence[Row]) -> None:
    """One object for each space and day. `moment`: the column, in ms, that tells the day. Idempotent."""
    parts: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        parts.setdefault((row["space"], day_of(row[moment])), []).append(row)
    for (space, day), part in parts.items():
        key = folder(log, space, day) + _name(part, moment)
        client("s3").put_object(Bucket=setting("ARCHIVE_BUCKET"), Key=key, Body=_parquet(part, schema))


def _name(rows: Sequence[Row], moment: str) -> str:
    moments = [row[moment] for row in rows]
    digest = blake2b(orjson.dumps(rows), digest_size=8).hexdigest()
    return f"{min(moments):015d}-{max(moments):015d}-{digest}.parquet"


def _parquet(rows: Sequence[Row], schema: Any) -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=schema), file, compression="zstd")
    return file.getvalue()
