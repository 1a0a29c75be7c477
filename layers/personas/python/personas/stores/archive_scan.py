"""Reading the archive: which objects there are now, and the events in them.

A scan is of a manifest: the objects, each with its version, as they were listed at one moment. Compaction replaces
objects (stores/compaction.py), and what it replaced stays readable by its version for seven days, so that a running
scan keeps its manifest. A listing that is taken meanwhile may hold both what is replaced and what replaces it.

Invariant: within one call of `events` each event comes once, however many rows repeat it; within one call of `ledger`
each counting and each taking back comes once, however many objects repeat its row.
"""

import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from personas.aws import client, setting
from personas.core.compaction import lanes_of
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.lanes import lane_of
from personas.core.profile.delivery import Accepted
from personas.stores.archive import space_prefix


@dataclass(frozen=True, slots=True)
class ArchiveObject:
    key: str
    version: str
    """Of the object in the versioned bucket."""
    size: int
    """Bytes."""

    @property
    def day(self) -> str:
        """Of receipt, as yyyy-mm-dd."""
        return self.key.split("/day=", 1)[1].split("/", 1)[0]

    @property
    def name(self) -> str:
        return self.key.rsplit("/", 1)[1]

    @property
    def lanes(self) -> range:
        """Of the profiles whose rows it may have."""
        return lanes_of(self.name)

    def to_data(self) -> list[Any]:
        return [self.key, self.version, self.size]

    @classmethod
    def of_data(cls, data: list[Any]) -> "ArchiveObject":
        return cls(*data)


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
        for row in _rows(one, filters):
            if row.fingerprint not in seen and not row.taken_back:
                seen.add(row.fingerprint)
                yield row


def ledger(objects: Sequence[ArchiveObject], lanes: range) -> Iterator[Accepted]:
    """What the profiles of these lanes counted and took back."""
    return _ledger(of_lanes(objects, lanes), [("lane", ">=", lanes.start), ("lane", "<", lanes.stop)])


def ledger_of(
    objects: Sequence[ArchiveObject], profiles: Collection[str], names: Collection[str]
) -> Iterator[Accepted]:
    """What these profiles counted and took back of the events of these names."""
    import pyarrow
    from pyarrow import compute

    if not profiles or not names:
        return iter(())
    of_profiles = compute.field("profile").isin(pyarrow.array(sorted(profiles)))
    of_names = compute.field("event").isin(pyarrow.array(sorted(names)))
    mine = of_lanes(objects, {lane_of(profile) for profile in profiles})
    return _ledger(mine, of_profiles & of_names)


def _ledger(objects: Iterable[ArchiveObject], filters: Any) -> Iterator[Accepted]:
    seen: set[tuple[Any, ...]] = set()
    for one in objects:
        for row in _rows(one, filters):
            entry = (row.profile, row.fingerprint, row.number if row.taken_back else None)
            if entry not in seen:
                seen.add(entry)
                yield row


def profiles(objects: Sequence[ArchiveObject], lanes: range) -> set[str]:
    """The users of these lanes, and the accounts that their group calls name."""
    found: set[str] = set()
    for one in of_lanes(objects, lanes):
        table = read_table(one, [("lane", ">=", lanes.start), ("lane", "<", lanes.stop)], ["profile", "account"])
        for column in ("profile", "account"):
            found.update(value for value in table[column].unique().to_pylist() if value)
    return found


def named(objects: Sequence[ArchiveObject], profiles: Collection[str]) -> set[str]:
    """Those of these profiles that have rows."""
    import pyarrow
    from pyarrow import compute

    if not profiles:
        return set()
    of_profiles = compute.field("profile").isin(pyarrow.array(sorted(profiles)))
    found: set[str] = set()
    for one in of_lanes(objects, {lane_of(profile) for profile in profiles}):
        found.update(read_table(one, of_profiles, ["profile"])["profile"].unique().to_pylist())
    return found


def of_lanes(objects: Iterable[ArchiveObject], lanes: Collection[int]) -> Iterator[ArchiveObject]:
    """Those that may have rows of these lanes."""
    return (one for one in objects if any(lane in one.lanes for lane in lanes))


def read_table(one: ArchiveObject, filters: Any, columns: list[str] | None = None) -> Any:
    """Its rows as an Arrow table."""
    from pyarrow import parquet

    answer = client("s3").get_object(Bucket=setting("ARCHIVE_BUCKET"), Key=one.key, VersionId=one.version)
    return parquet.read_table(io.BytesIO(answer["Body"].read()), filters=filters, columns=columns)


def _rows(one: ArchiveObject, filters: Any) -> Iterator[Accepted]:
    table = read_table(one, filters)
    for moment in ("at", "received"):
        table = table.set_column(table.column_names.index(moment), moment, table[moment].cast("int64"))
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield _accepted(row)


def _accepted(row: dict[str, Any]) -> Accepted:
    event = Event(row["space"], row["source"], row["at"], row["received"], orjson.loads(row["body"]))
    number = (row["lane"], int(row["seq"]), row["place"])
    identifiers = tuple(Identifier.of_data(data) for data in orjson.loads(row["identifiers"]))
    return Accepted(
        number,
        row["profile"],
        event,
        row["fingerprint"],
        row["account"],
        identifiers,
        row["version"],
        row["taken_back"],
    )
