"""A space's logs as files, and views.sql: the tables of Segment's Profiles Sync over them, for DuckDB.

Reads the archive and changes nothing. One object at a time is in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from personas.core.warehouse.dialect import DUCKDB
from personas.core.warehouse.schema import Schema
from personas.core.warehouse.view import Logs
from personas.core.warehouse.views import views
from personas.stores import archive_scan, parquet_object, seen_columns, sources, spaces
from personas.stores.archive_logs import LOGS, Log

FOLDER = "logs"
OPTIONS = "hive_partitioning = true, hive_types_autocast = false, union_by_name = true"


@dataclass(frozen=True, slots=True)
class Exported:
    folder: Path
    files: dict[str, int]
    """By log."""
    tables: tuple[str, ...]


def export(space: str, folder: Path) -> Exported:
    """Idempotent: files that are there stay, those of objects that were replaced since go. Needs ARCHIVE_BUCKET and
    CONTROL_TABLE. Raises NotFound where there is no such space."""
    known = spaces.find(space)
    schema, files = Schema(), {}
    for log in LOGS.values():
        wanted = {folder / FOLDER / one.key: one for one in archive_scan.listed(log.prefix(known.id))}
        for path in _there(folder / FOLDER / log.name) - wanted.keys():
            path.unlink()
        for path, one in wanted.items():
            if not path.exists() or path.stat().st_size != one.size:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(parquet_object.content(one))
            schema.unite(seen_columns.of_file(log.name, path))
        _empty(folder / FOLDER / log.name / "space=/day=/empty.parquet", log)
        files[log.name] = len(wanted)
    names = {one.id: one.name for one in sources.of_space(known.id)}
    found = views(schema, names, DUCKDB, Logs(*(f"logs.{name}" for name in ("events", "identity", "traits"))))
    (folder / "views.sql").write_text("\n".join([*_logs(), *(view.statement for view in found)]))
    return Exported(folder, files, tuple(view.name for view in found))


def _logs() -> Iterator[str]:
    """So that `duckdb -init views.sql` in the folder has everything. The day is text, as it is in Athena."""
    yield "SET TimeZone = 'UTC';"
    yield "CREATE SCHEMA IF NOT EXISTS logs;"
    for name in LOGS:
        files = f"'{FOLDER}/{name}/*/*/*.parquet', {OPTIONS}"
        yield f"CREATE OR REPLACE VIEW logs.{name} AS FROM read_parquet({files});"


def _there(folder: Path) -> set[Path]:
    return set(folder.rglob("*.parquet"))


def _empty(path: Path, log: Log) -> None:
    """DuckDB reads no log without files."""
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(log.schema().empty_table(), path)
