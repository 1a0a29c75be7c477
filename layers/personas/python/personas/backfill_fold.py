"""Fold a shard of the archive into the partial states of the aggregates that lack their past: by SQL where that is
exact (core/batch/tiling.py), by the stream's own code where it is not (core/backfill/fold.py).

The stream's code folds lists of events; profiles of which a row was taken back or has not happened yet, or that were
taken apart; and profiles with values that SQL would not compute exactly. It is given just their rows, made again from
columns where the call itself was not read. Few rows it folds alone, as SQL begins with the work of some thousand.

Invariant: both give the same states, so that it makes no difference which did.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from personas import batch, ledger_relations
from personas.core.backfill.fold import Fold
from personas.core.batch.cells import Cells, named, read_by
from personas.core.batch.tiling import Tiled, may_be_tiled, tiled
from personas.core.compute import monoids
from personas.core.compute.definition_set import DefinitionSet
from personas.core.query.tree import Field
from personas.stores import archive_scan
from personas.whose import Rows

FEWEST_ROWS = 20_000
"""For which SQL is asked."""
TURN = 10_000
"""Profiles that are read at a time."""

Part = tuple[str, str, dict[str, Any]]
"""What is to be added from the rows of a profile, and to whom, as data."""
Table = Any
"""Of Arrow."""


def fields_of(definitions: DefinitionSet) -> list[Field]:
    """What the definitions that are coming read of events."""
    return sorted(read_by(tree for _, tree in definitions.coming), key=named)


def parts(definitions: DefinitionSet, tables: Sequence[Table], whose: Rows, now_ms: int) -> Iterator[Part]:
    """`tables` as `archive_scan.lane_tables` gives them, for all rows that lack in them, with `fields_of` the
    definitions."""
    fields = fields_of(definitions)
    by_sql, lists = may_be_tiled(definitions.aggregates[lacking] for lacking in sorted(definitions.lacking))
    as_one = len(set(definitions.lacking_since.values())) == 1  # so that a row lacks in all or in none
    if not by_sql or not as_one or sum(map(len, tables)) < FEWEST_ROWS:
        yield from _folded(Fold(definitions, now_ms), tables, fields, whose).parts()
        return
    apart = _apart(tables, now_ms) | whose.parted
    database = batch.database()
    cells = _lay(database, tables, fields, apart)
    calls = any("body" in table.column_names for table in tables)
    asked = tiled(by_sql, now_ms, cells, monoids.LARGEST, calls)
    listed: dict[str, dict[str, Any]] = {}
    if lists:
        found = _folded(
            Fold(definitions, now_ms, {one.id for one in lists}),
            _of(tables, "event", {one.event for one in lists}),
            fields,
            whose,
        )
        listed = {profile: state for profile, _, state in found.parts() if profile not in apart}
    for profile, tallies in _tallies(database, asked, apart):
        before = listed.pop(profile, None)
        if before is not None:
            tallies |= before["a"]
        if tallies:
            yield profile, profile, {"v": definitions.version, "a": tallies}
    yield from ((profile, profile, state) for profile, state in listed.items() if profile not in apart)
    if apart:
        yield from _folded(Fold(definitions, now_ms), _of(tables, "profile", apart), fields, whose).parts()


def _folded(fold: Fold, tables: Sequence[Table], fields: Sequence[Field], whose: Rows) -> Fold:
    for row in whose.asked_about(archive_scan.entries(tables, fields)):
        fold.take(row, whose.owner(row))
    return fold


def _apart(tables: Sequence[Table], now_ms: int) -> set[str]:
    """The profiles of which a row was taken back or has not happened yet. None happened before 1970, as far as SQL
    knows."""
    from pyarrow import compute

    found: set[str] = set()
    for table in tables:
        at = compute.field("at")
        odd = table.filter(compute.field("taken_back") | (at > now_ms) | (at < 0))
        found.update(odd["profile"].unique().to_pylist())
    return found


def _of(tables: Sequence[Table], column: str, values: set[str]) -> list[Table]:
    import pyarrow
    from pyarrow import compute

    wanted = compute.field(column).isin(pyarrow.array(sorted(values), pyarrow.string()))
    return [table.filter(wanted) for table in tables]


def _tallies(database: batch.Database, asked: Tiled, apart: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of the profiles that SQL folds exactly; the others are put to those apart."""
    for statement in asked.statements:
        result = database.execute(statement)
    while turn := result.fetchmany(TURN):
        for profile, is_wild, text in turn:
            if is_wild:
                apart.add(profile)
            else:
                yield profile, asked.tallies_of(text)


_FIRST_OF_EACH = (
    """CREATE TEMP VIEW ledger AS
    SELECT profile, fingerprint, number FROM plain UNION ALL SELECT profile, fingerprint, number FROM columned""",
    # Nearly every event lies in one row only: just of the others it has to be found out which comes first.
    "CREATE TEMP TABLE repeated AS SELECT fingerprint FROM ledger GROUP BY fingerprint HAVING count(*) > 1",
    """CREATE TEMP TABLE surplus AS SELECT unnest(list(number ORDER BY number)[2:]) AS number FROM ledger
    WHERE fingerprint IN (FROM repeated) GROUP BY profile, fingerprint""",
)


def _lay(database: batch.Database, tables: Sequence[Table], fields: Sequence[Field], apart: set[str]) -> Cells | None:
    """The rows as the relations `rows` and `celled`, each counting once, without those of the profiles apart."""
    import pyarrow

    cells = ledger_relations.lay(database, tables, fields)
    database.register("apart", pyarrow.table([sorted(apart)], pyarrow.schema([("profile", pyarrow.string())])))
    for statement in _FIRST_OF_EACH:
        database.execute(statement)
    said = "profile NOT IN (FROM apart)"
    if database.execute("SELECT count(*) FROM surplus").fetchone()[0]:
        said += " AND number NOT IN (FROM surplus)"
    for name, table, columns in (
        ("rows", "plain", ["body"]),
        ("celled", "columned", ledger_relations.columns_of(cells)),
    ):
        read = ", ".join(["profile AS p", "event", "source", "type", '"at" AS ts', *columns])
        database.execute(f"CREATE TEMP VIEW {name} AS SELECT {read} FROM {table} WHERE {said}")  # noqa: S608 - our own names
    return cells
