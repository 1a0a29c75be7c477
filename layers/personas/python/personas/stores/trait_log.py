"""The trait log in the archive: `traits/…`, written from the change stream of the profiles table.

Invariant: a row is known by the profile and its version, so that what retries repeat is recognised.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import orjson

from personas.core.lanes import lane_of
from personas.core.profile.trait_log import Entry, entry_of
from personas.stores import log_objects, profiles

NAME = "traits"
Committed = tuple[int, Entry]
"""When it was committed, in seconds, as the change stream tells; and what."""

SEQUENCES = 1_000_000
"""In a second: `seq` is the second of the commit, and within it the version of the profile."""


def entries_of(change: dict[str, Any]) -> list[Committed]:
    """Of a record of the change stream about an item `profile`."""
    old, new = change.get("OldImage"), change["NewImage"]
    entry = entry_of(profiles.of_image(old) if old else None, profiles.of_image(new))
    return [(int(change["ApproximateCreationDateTime"]), entry)] if entry else []


def write(entries: Iterable[Committed]) -> None:
    """Idempotent: the same entries are the same objects."""
    log_objects.put(NAME, schema(), "committed", [_row(*one) for one in entries])


@cache
def schema() -> Any:
    """Of every object of the log, as Arrow says it."""
    import pyarrow

    moment = pyarrow.timestamp("ms", tz="UTC")
    types = {
        "lane": pyarrow.int16(),
        "version": pyarrow.int64(),
        "seq": pyarrow.int64(),
        "at": moment,
        "committed": moment,
    }
    names = "space lane profile collection version at committed seq identifiers traits"
    return pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in names.split()])


def _row(committed: int, entry: Entry) -> dict[str, Any]:
    return {
        "space": entry.space,
        "lane": lane_of(entry.profile),
        "profile": entry.profile,
        "collection": entry.collection,
        "version": entry.version,
        "at": committed * 1000 if entry.at is None else entry.at,
        "committed": committed * 1000,
        "seq": committed * SEQUENCES + entry.version % SEQUENCES,
        "identifiers": orjson.dumps(entry.identifiers).decode(),
        "traits": orjson.dumps(entry.traits).decode(),
    }
