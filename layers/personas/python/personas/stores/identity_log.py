"""The identity log in the archive: `identity/…`, written from the identity table's change stream.

Invariant: nothing that the graph did is missing, and what a retry repeats is known by `core.identity.log.Entry`'s own
values: readers drop repeats, and compaction removes them. Identifiers that were set aside are not in it.
"""

from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from typing import Any

from personas.core.identity import log
from personas.core.identity.log import Entry
from personas.core.lanes import lane_of
from personas.stores import graph_items, log_objects, unmerges

NAME = "identity"
Committed = tuple[int, Entry]
"""When it was committed, in seconds, as the change stream tells; and what."""

SEQUENCES = 1_000_000
"""In a second: `seq` is the second of the commit, and within it the version of the root."""


def entries_of(change: dict[str, Any]) -> list[Committed]:
    """Of a record of the change stream; of items of other kinds nothing."""
    image = change["NewImage"]
    space = image["pk"]["S"].partition("#")[0]
    match image["kind"]["S"]:
        case "identifier":
            found = log.of_fact(space, graph_items.fact_of(image))
        case "merge":
            found = log.of_merge(space, graph_items.merge_of(image))
        case unmerges.KIND:
            found = log.of_unmerge(unmerges.of_item(image))
        case _:
            found = []
    return [(int(change["ApproximateCreationDateTime"]), entry) for entry in found]


def write(entries: Iterable[Committed]) -> None:
    """Idempotent: the same entries are the same objects."""
    log_objects.put(NAME, schema(), "received", [_row(*one) for one in entries])


@cache
def schema() -> Any:
    """Of every object of the log, as Arrow says it."""
    import pyarrow

    moment = pyarrow.timestamp("ms", tz="UTC")
    types = {
        "lane": pyarrow.int16(),
        "version": pyarrow.int32(),
        "seq": pyarrow.int64(),
        "event_at": moment,
        "received": moment,
        "committed": moment,
    }
    names = (
        "space lane kind profile canonical digest type value collection source message_id event event_name event_at "
        "received committed version seq rule"
    )
    return pyarrow.schema([(name, types.get(name, pyarrow.string())) for name in names.split()])


def _row(committed: int, entry: Entry) -> dict[str, Any]:
    seq = committed * SEQUENCES + min(entry.version, SEQUENCES - 1)
    return asdict(entry) | {"lane": lane_of(entry.profile), "committed": committed * 1000, "seq": seq}
