"""The archive: every accepted event in S3, resolved to its profile, as Parquet (zstd).

One object per space, day of receipt and batch: `events/space={space}/day={yyyy-mm-dd}/{first}-{last}-{digest}.parquet`.
Sharding by profile is left to the compaction (stores/compaction.py), which reads a day anyway: sixteen shards here
would be sixteen small objects, and sixteen requests to pay, where one does. Rows carry the profile and its lane.

It is a ledger of what each profile counted: an event lies under every profile that folded it, and where two of these
became one, a further row takes one back (`taken_back`). Whoever wants events drops all repeats by fingerprint.

Invariant: nothing that was written is lost by writing again. The key holds a digest of the rows, so that a batch that
comes again with fewer rows (some profiles were done) is another object; readers drop repeats by fingerprint.
"""

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from typing import Any

import orjson

from personas.aws import client, setting
from personas.core.profile.delivery import Accepted
from personas.profiles_table import sequence_text


def write(accepted: Iterable[Accepted]) -> None:
    """Idempotent: the same rows are the same objects."""
    days: dict[tuple[str, str], list[Accepted]] = {}
    for row in accepted:
        day = datetime.fromtimestamp(row.event.received / 1000, UTC).strftime("%Y-%m-%d")
        days.setdefault((row.event.space, day), []).append(row)
    for (space, day), rows in days.items():
        client("s3").put_object(
            Bucket=setting("ARCHIVE_BUCKET"), Key=f"{space_prefix(space)}day={day}/{_name(rows)}", Body=parquet_of(rows)
        )


def space_prefix(space: str) -> str:
    return f"events/space={space}/"


def _name(rows: list[Accepted]) -> str:
    rows.sort(key=lambda row: (row.profile, row.number))
    digest = blake2b(digest_size=8)
    for row in rows:
        digest.update(row.profile.encode() + row.fingerprint + bytes([row.taken_back]))
    sequences = [row.number[1] for row in rows]
    return f"{sequence_text(min(sequences))}-{sequence_text(max(sequences))}-{digest.hexdigest()}.parquet"


def parquet_of(rows: Sequence[Accepted]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    events = [row.event for row in rows]
    columns: dict[str, list[Any]] = {
        "space": [event.space for event in events],
        "profile": [row.profile for row in rows],
        "account": [row.account for row in rows],
        "lane": [row.number[0] for row in rows],
        "seq": [sequence_text(row.number[1]) for row in rows],
        "place": [row.number[2] for row in rows],
        "version": [row.version for row in rows],
        "taken_back": [row.taken_back for row in rows],
        "source": [event.source for event in events],
        "message_id": [event.message_id for event in events],
        "fingerprint": [row.fingerprint for row in rows],
        "type": [event.type for event in events],
        "event": [event.name for event in events],
        "at": [event.at for event in events],
        "received": [event.received for event in events],
        "user_id": [_text(event.body.get("userId")) for event in events],
        "anonymous_id": [_text(event.body.get("anonymousId")) for event in events],
        "identifiers": [orjson.dumps([one.to_data() for one in row.identifiers]).decode() for row in rows],
        "body": [orjson.dumps(event.body).decode() for event in events],
    }
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns, schema=schema()), file, compression="zstd")
    return file.getvalue()


@cache
def schema() -> Any:
    """Of every object of the archive's events, as Arrow says it."""
    import pyarrow

    moment = pyarrow.timestamp("ms", tz="UTC")
    types = {
        "lane": pyarrow.int16(),
        "place": pyarrow.int32(),
        "version": pyarrow.int32(),
        "taken_back": pyarrow.bool_(),
        "fingerprint": pyarrow.binary(8),
        "at": moment,
        "received": moment,
    }
    names = (
        "space profile account lane seq place version taken_back source message_id fingerprint type event at received "
        "user_id anonymous_id identifiers body"
    )
    return pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in names.split()])


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
