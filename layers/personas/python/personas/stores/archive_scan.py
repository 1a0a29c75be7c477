"""Reading the archive: which objects there are now, and the events in them.

A scan is of a manifest: the objects, each with its version, as they were listed at one moment. Compaction replaces
objects (stores/compaction.py), and what it replaced stays readable by its version for seven days, so that a running
scan keeps its manifest. A listing that is taken meanwhile may hold both what is replaced and what replaces it.

Invariant: within one call of `events` each event comes once, however many rows repeat it; within one call of `entries`
each counting and each taking back comes once, however many objects repeat its row.
"""

import io
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import orjson

from personas.aws import client, setting
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.lanes import lane_of
from personas.core.profile.delivery import Accepted
from personas.core.query.tree import Field
from personas.stores import archive_cells
from personas.stores.archive import space_prefix
from personas.stores.parquet_object import ArchiveObject, Chosen, read_table

READERS = 8
"""Objects that are fetched and decoded at a time."""


def manifest(space: str) -> tuple[ArchiveObject, ...]:
    """Every object of the space's events, oldest day first."""
    return listed(space_prefix(space))


def listed(prefix: str) -> tuple[ArchiveObject, ...]:
    """The objects whose keys begin so, by key."""
    pages = client("s3").get_paginator("list_object_versions")
    found = [
        ArchiveObject(entry["Key"], entry["VersionId"], entry["Size"])
        for page in pages.paginate(Bucket=setting("ARCHIVE_BUCKET"), Prefix=prefix)
        for entry in page.get("Versions", ())
        if entry["IsLatest"]
    ]
    return tuple(sorted(found, key=lambda one: one.key))


def events(objects: Sequence[ArchiveObject], profiles: Collection[str] | None = None) -> Iterator[Accepted]:
    """The events of these objects, each once, in no order; only those that these profiles folded, where they are named.

    `profile` of a row is the profile that folded the event, which may have become another one since.
    """
    seen: set[bytes] = set()
    filters = None if profiles is None else [("profile", "in", sorted(profiles))]
    for one in objects if profiles is None else of_lanes(objects, {lane_of(profile) for profile in profiles}):
        for row in of_table(read_table(one, filters)):
            if row.fingerprint not in seen and not row.taken_back:
                seen.add(row.fingerprint)
                yield row


LEDGER = (
    *("space", "profile", "lane", "seq", "place", "version", "taken_back"),
    *("source", "type", "event", "fingerprint", "at", "received", "body"),
)
"""The columns that are read of a ledger: what a profile counted, not how the event came to it."""
_PLAIN = frozenset((*LEDGER, "identifiers"))
"""All other columns are of fields."""


def ledger_tables(
    objects: Sequence[ArchiveObject],
    profiles: Collection[str],
    names: Collection[str],
    fields: Collection[Field] | None = None,
    *,
    identified: bool = False,
) -> list[Any]:
    """What these profiles counted and took back of the events of these names, with repeats, as Arrow tables with the
    columns LEDGER, and `identifiers` where these are asked for. Where fields are named, tables of objects that have all
    of them as columns (stores/archive_cells.py) come with these instead of `body`."""
    if not profiles or not names:
        return []
    wanted = _in("profile", profiles) & _in("event", names)
    chosen = _choosing(fields, identified)
    return [plain(table) for table in _tables(objects, wanted, chosen, {lane_of(profile) for profile in profiles})]


def lane_tables(
    objects: Sequence[ArchiveObject],
    lanes: range,
    names: Collection[str] | None = None,
    fields: Collection[Field] | None = None,
    before: int | None = None,
    *,
    identified: bool = False,
) -> list[Any]:
    """Likewise what the profiles of these lanes counted and took back, of the events of all names where none are given;
    `before`: only under versions of the definitions before this one."""
    from pyarrow import compute

    wanted = _of(lanes, names)
    if before is not None:
        wanted &= compute.field("version") < before
    return [plain(table) for table in _tables(objects, wanted, _choosing(fields, identified), lanes)]


def _choosing(fields: Collection[Field] | None, identified: bool) -> Chosen:
    columns = [*LEDGER, "identifiers"] if identified else [*LEDGER]

    def chosen(metadata: Mapping[bytes, bytes] | None) -> list[str]:
        found = None if fields is None else archive_cells.columns_of(archive_cells.kinds_in(metadata), fields)
        return columns if found is None else [*(name for name in columns if name != "body"), *found]

    return chosen


def entries(tables: Iterable[Any], fields: Sequence[Field] = ()) -> Iterator[Accepted]:
    """The rows of a ledger, each counting and each taking back once. Of tables without calls these are made again from
    the fields."""
    seen: set[tuple[Any, ...]] = set()
    for table in tables:
        for row in of_table(table, fields):
            entry = (row.profile, row.fingerprint, row.number if row.taken_back else None)
            if entry not in seen:
                seen.add(entry)
                yield row


def _of(lanes: range, names: Collection[str] | None) -> Any:
    from pyarrow import compute

    wanted = (compute.field("lane") >= lanes.start) & (compute.field("lane") < lanes.stop)
    return wanted if names is None else wanted & _in("event", names)


def _in(column: str, values: Collection[str]) -> Any:
    import pyarrow
    from pyarrow import compute

    return compute.field(column).isin(pyarrow.array(sorted(values), pyarrow.string()))


def rows_of(objects: Sequence[ArchiveObject], profiles: Collection[str]) -> Iterator[Accepted]:
    """Every row of these profiles, in no order, repeats included."""
    for one in of_lanes(objects, {lane_of(profile) for profile in profiles}):
        yield from of_table(read_table(one, _in("profile", profiles)))


def rows_in(file: bytes) -> Iterator[Accepted]:
    """Of a file such as the archive's objects are."""
    from pyarrow import parquet

    return of_table(parquet.read_table(io.BytesIO(file)))


def profiles(objects: Sequence[ArchiveObject], lanes: range, names: Collection[str] | None = None) -> set[str]:
    """The users of these lanes, and the accounts that their group calls name; where names are given, only those with
    such events."""
    found: set[str] = set()
    for table in _tables(objects, _of(lanes, names), ["profile", "account"], lanes):
        for column in ("profile", "account"):
            found.update(value for value in table[column].unique().to_pylist() if value)
    return found


def named(objects: Sequence[ArchiveObject], profiles: Collection[str]) -> set[str]:
    """Those of these profiles that have rows."""
    if not profiles:
        return set()
    found: set[str] = set()
    for table in _tables(objects, _in("profile", profiles), ["profile"], {lane_of(profile) for profile in profiles}):
        found.update(table["profile"].unique().to_pylist())
    return found


def _tables(
    objects: Iterable[ArchiveObject], filters: Any, columns: list[str] | Chosen, lanes: Collection[int]
) -> Iterator[Any]:
    """Of the objects that may have rows of these lanes, in their order; the next ones are read meanwhile."""
    with ThreadPoolExecutor(READERS) as readers:
        waiting: deque[Future[Any]] = deque()
        for one in of_lanes(objects, lanes):
            waiting.append(readers.submit(read_table, one, filters, columns, lanes))
            if len(waiting) == READERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def of_lanes(objects: Iterable[ArchiveObject], lanes: Collection[int]) -> Iterator[ArchiveObject]:
    """Those that may have rows of these lanes."""
    return (one for one in objects if any(lane in one.lanes for lane in lanes))


def plain(table: Any) -> Any:
    """Moments in ms."""
    for moment in ("at", "received"):
        table = table.set_column(table.column_names.index(moment), moment, table[moment].cast("int64"))
    return table


def of_table(table: Any, fields: Sequence[Field] = ()) -> Iterator[Accepted]:
    """`fields` as `entries` has it."""
    recalled = "body" not in table.column_names
    for batch in plain(table).to_batches(max_chunksize=10_000):
        if recalled:
            of_ledger = batch.select([name for name in batch.schema.names if name in _PLAIN])
            for row, call in zip(of_ledger.to_pylist(), archive_cells.calls_in(batch, fields), strict=True):
                yield _accepted(row, call)
        else:
            for row in batch.to_pylist():
                yield _accepted(row, orjson.loads(row["body"]))


def _accepted(row: dict[str, Any], call: dict[str, Any]) -> Accepted:
    event = Event(row["space"], row["source"], row["at"], row["received"], call)
    number = (row["lane"], int(row["seq"]), row["place"])
    identifiers = tuple(Identifier.of_data(data) for data in orjson.loads(row.get("identifiers", "[]")))
    return Accepted(
        number,
        row["profile"],
        event,
        row["fingerprint"],
        row.get("account"),
        identifiers,
        row["version"],
        row["taken_back"],
    )
