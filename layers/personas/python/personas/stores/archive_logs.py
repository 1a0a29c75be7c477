"""The logs of the archive: what each is called, the columns of its rows, and which of its rows repeat each other.

A log lies under `{name}/space={space}/day={yyyy-mm-dd}/`, in Parquet objects that are never changed, only replaced.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from personas.stores import archive, identity_log, log_objects, trait_log

Table = Any
"""Of Arrow: pyarrow is imported where it is used, as it takes long."""


@dataclass(frozen=True, slots=True)
class Log:
    name: str
    schema: Callable[[], Any]
    order: tuple[str, ...]
    """The columns by which a compacted object is sorted, so that a reader of few profiles can pass over the rest."""
    same: Callable[[Table], list[Any]]
    """Columns that have the same values where a row repeats another."""

    def prefix(self, space: str, day: str | None = None) -> str:
        return log_objects.folder(self.name, space, day)


def _same_event(table: Table) -> list[Any]:
    """As archive_scan.ledger says: a profile counts an event once, but each taking back of it is one of its own."""
    from pyarrow import compute

    undoes = table["taken_back"]
    number = [compute.if_else(undoes, table["seq"], ""), compute.if_else(undoes, table["place"], 0)]
    return [table["profile"], table["fingerprint"], undoes, *number]


def _same_entry(table: Table) -> list[Any]:
    """What one event did to a profile or an identifier. Entries that say so may have other moments of commit."""
    return [table[name] for name in ("profile", "kind", "canonical", "digest", "message_id", "version")]


def _same_commit(table: Table) -> list[Any]:
    return [table["profile"], table["version"]]


EVENTS = Log("events", archive.schema, ("lane", "profile", "at", "seq", "place"), _same_event)
IDENTITY = Log(identity_log.NAME, identity_log.schema, ("lane", "profile", "seq"), _same_entry)
TRAITS = Log(trait_log.NAME, trait_log.schema, ("lane", "profile", "seq"), _same_commit)
LOGS = {log.name: log for log in (EVENTS, IDENTITY, TRAITS)}
