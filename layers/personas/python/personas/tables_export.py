"""A space as warehouse-ready tables: one Parquet file each, with the columns of Segment's Profiles Sync, and the views.

Reads the archive and the identity graph, and changes neither. The whole space is held in memory on the way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from personas.clock import now_ms
from personas.core.identity.fact import Fact
from personas.core.identity.merge import Merge
from personas.core.profile.profile import ACCOUNT_PREFIX
from personas.core.warehouse import views
from personas.core.warehouse.columns import Row
from personas.core.warehouse.identity_rows import COLUMNS
from personas.core.warehouse.tables import tables
from personas.stores import archive_scan, graph, graph_items, sources, spaces

MOMENTS = frozenset(("timestamp", "received_at", "uuid_ts"))
OF_EVERY_ROW = frozenset(("id", "segment_id", "seq", *MOMENTS))


@dataclass(frozen=True, slots=True)
class Exported:
    folder: Path
    rows: dict[str, int]
    """By table."""


def export(space: str, folder: Path) -> Exported:
    """Idempotent: the files of the folder are written anew. Needs ARCHIVE_BUCKET, IDENTITY_TABLE and CONTROL_TABLE.
    Raises NotFound where there is no such space."""
    known = spaces.find(space)
    rows = archive_scan.events(archive_scan.manifest(known.id))
    events = [(row.profile, row.event) for row in rows if not row.profile.startswith(ACCOUNT_PREFIX)]
    facts, merges = _identity(known.id, {profile for profile, _ in events})
    found = tables(facts, merges, events, {one.id: one.name for one in sources.of_space(known.id)}, now_ms())
    folder.mkdir(parents=True, exist_ok=True)
    for name, listed in found.items():
        _write(folder / f"{name}.parquet", listed, COLUMNS.get(name, ()))
    (folder / "views.sql").write_text(_sql(found))
    return Exported(folder, {name: len(listed) for name, listed in sorted(found.items())})


def _identity(space: str, profiles: Iterable[str]) -> tuple[list[Fact], list[Merge]]:
    """What happened to the profiles, and to those that they have become or absorbed."""
    facts: list[Fact] = []
    merges: list[Merge] = []
    seen: set[str] = set()
    for profile in sorted(profiles):
        root = None if profile in seen else graph.root_of(space, profile)
        if root is None:
            continue
        members = [member for member in graph.members_of(root) if member not in seen]
        seen.update((*members, profile))
        found = map(graph_items.fact_of, graph.facts_under(space, members, graph_items.FACT_OF_IDENTIFIER))
        facts += [fact for fact in found if fact.identifier.collection == "users"]
        merges += [merge for merge in graph.merges(space, root.id) if merge not in merges]
    return facts, merges


def _sql(found: dict[str, list[Row]]) -> str:
    """Tables over the files beside it, so that `duckdb -init views.sql` in the folder has everything."""
    files = [f"CREATE OR REPLACE VIEW {views.quoted(name)} AS FROM '{name}.parquet';" for name in sorted(found)]
    traits = sorted({column for row in found["profile_traits_updates"] for column in row} - OF_EVERY_ROW)
    last = [views.user_traits(traits)] if traits else []
    return "\n".join([*files, "", views.PROFILE_MERGES, views.USER_IDENTIFIERS, *last])


def _write(path: Path, rows: list[Row], always: Sequence[str]) -> None:
    import pyarrow
    from pyarrow import parquet

    names = list(dict.fromkeys((*sorted(OF_EVERY_ROW), *always, *(name for row in rows for name in row))))
    columns = {name: _column(name, [row.get(name) for row in rows]) for name in names}
    parquet.write_table(pyarrow.table(columns), path, compression="zstd")


def _column(name: str, values: list[Any]) -> Any:
    """One type for a column: where an event brought another than before, all of it is text."""
    import pyarrow

    if name in MOMENTS:
        return pyarrow.array(values, pyarrow.timestamp("ms", tz="UTC"))
    types = {type(value) for value in values if value is not None}
    if types <= {bool}:
        return pyarrow.array(values, pyarrow.bool_() if types else pyarrow.string())
    if types == {int} and all(value is None or abs(value) < 2**63 for value in values):
        return pyarrow.array(values, pyarrow.int64())
    if types <= {int, float}:
        return pyarrow.array([None if value is None else float(value) for value in values], pyarrow.float64())
    return pyarrow.array([_text(value) for value in values], pyarrow.string())


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
