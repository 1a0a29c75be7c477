"""Reading a Parquet object of the archive: as a whole, or only the rows of some lanes.

Compacted objects are sorted by lane, so that the rows of a few lanes lie side by side, and the object's end says where.
So what many shards read of an object is, all in all, little more than the object.
"""

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from personas.aws import client, setting
from personas.core.compaction import lanes_of

SMALL = 1_000_000
"""Bytes of an object that is always fetched as a whole: another request takes longer."""
_FOOTER = 1 << 16
"""Bytes at the end of an object in which what it says of itself usually lies."""
_FILTERED = ("lane", "profile", "event")
"""What filters may ask for, besides the columns that are read."""

Chosen = Callable[[Mapping[bytes, bytes] | None], list[str]]


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


def read_table(
    one: ArchiveObject,
    filters: Any,
    columns: list[str] | Chosen | None = None,
    lanes: Collection[int] | None = None,
) -> Any:
    """Its rows as an Arrow table. `columns` may follow from what the object says of itself, as key-value metadata.
    `lanes`: those that the filter lets through, where it names any."""
    from pyarrow import parquet

    if columns is not None and lanes and one.size > SMALL and 2 * len(lanes) < len(one.lanes):
        return _of_lanes(one, filters, columns, lanes)
    whole = content(one)
    if callable(columns):
        columns = columns(parquet.read_metadata(io.BytesIO(whole)).metadata)
    return parquet.read_table(io.BytesIO(whole), filters=filters, columns=columns)


def metadata(one: ArchiveObject) -> Any:
    """What it says of itself, for the price of its end."""
    from pyarrow import parquet

    end = content(one, slice(-min(_FOOTER, one.size), None))
    footer = int.from_bytes(end[-8:-4], "little") + 8
    return parquet.read_metadata(io.BytesIO(end if footer <= len(end) else content(one, slice(-footer, None))))


def bounds(said: Any, group: int, column: str) -> tuple[Any, Any] | None:
    """The least and the greatest value of a column in a row group; None: it does not say."""
    found = said.row_group(group).column(said.schema.names.index(column)).statistics
    return (found.min, found.max) if found is not None and found.has_min_max else None


def _of_lanes(one: ArchiveObject, filters: Any, columns: list[str] | Chosen, lanes: Collection[int]) -> Any:
    import pyarrow
    from pyarrow import parquet

    said = metadata(one)
    groups = [group for group in range(said.num_row_groups) if _may_have(bounds(said, group, "lane"), lanes)]
    chunks = [_place(said.row_group(group).column(at)) for group in groups for at in range(said.num_columns)]
    begin, end = min((at for at, _ in chunks), default=0), max((at for _, at in chunks), default=0)
    file = bytearray(one.size)
    if 2 * (end - begin) > one.size:
        file[:] = content(one)
    elif begin < end:
        file[begin:end] = content(one, slice(begin, end))
    if callable(columns):
        columns = columns(said.metadata)
    wanted = [name for name in dict.fromkeys((*columns, *_FILTERED)) if name in said.schema.to_arrow_schema().names]
    found = parquet.ParquetFile(pyarrow.BufferReader(file), metadata=said).read_row_groups(groups, columns=wanted)
    return found.filter(filters).select(columns)


def _may_have(between: tuple[Any, Any] | None, lanes: Collection[int]) -> bool:
    return between is None or any(between[0] <= lane <= between[1] for lane in lanes)


def _place(chunk: Any) -> tuple[int, int]:
    """The first byte of a column chunk, and the one behind its last."""
    begin = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        begin = min(begin, chunk.dictionary_page_offset)
    return begin, begin + chunk.total_compressed_size


def content(one: ArchiveObject, part: slice | None = None) -> bytes:
    """As it was listed, also where it was replaced since; of a `part` its bytes, as a slice says it."""
    asked = {"Range": _range(part)} if part else {}
    answer = client("s3").get_object(Bucket=setting("ARCHIVE_BUCKET"), Key=one.key, VersionId=one.version, **asked)
    found: bytes = answer["Body"].read()
    # Whoever stands in for S3 may answer with the whole (RFC 9110, 14.2); the emulator does so of versions.
    return found[part] if part and "ContentRange" not in answer else found


def _range(part: slice) -> str:
    """As HTTP says it."""
    return f"bytes={part.start}" if part.start < 0 else f"bytes={part.start}-{part.stop - 1}"
