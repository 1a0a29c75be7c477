"""The rows that count for the profiles that a preview looks at, as relations of its database: `rows`, and `celled`.

Each row of the ledger counts for everyone whose contributor its owner is, once for each time, less what was taken back;
it may lie in several objects, and in one of them with its call, in another with columns instead.
"""

from collections.abc import Sequence
from typing import Any

from personas.core.batch.cells import Cells
from personas.core.query.tree import Field
from personas.stores import archive_cells, archive_scan
from personas.whose import Rows

_LEDGER = (
    """CREATE OR REPLACE TEMP VIEW ledger AS
    SELECT profile, fingerprint, taken_back, lane, seq, place, owner, number FROM plain UNION ALL
    SELECT profile, fingerprint, taken_back, lane, seq, place, owner, number FROM columned""",
    # Nearly every event lies in one row only: just the others have to be added up.
    """CREATE OR REPLACE TEMP TABLE repeated AS
    SELECT fingerprint FROM ledger GROUP BY fingerprint HAVING count(*) > 1 OR bool_or(taken_back)""",
    """CREATE OR REPLACE TEMP TABLE again AS
    SELECT p, any_value(one) AS one, sum(CASE WHEN back THEN -1 ELSE 1 END)::BIGINT AS times FROM (
        SELECT s.p, l.profile, l.fingerprint, l.taken_back AS back, any_value(l.number) AS one
        FROM ledger l JOIN shares s ON s.profile = l.owner
        WHERE l.fingerprint IN (SELECT fingerprint FROM repeated)
        GROUP BY s.p, l.profile, l.fingerprint, l.taken_back, CASE WHEN l.taken_back THEN (l.lane, l.seq, l.place) END)
    GROUP BY p, fingerprint HAVING times > 0""",
)


def lay(database: Any, tables: Sequence[Any], fields: Sequence[Field], whose: Rows) -> Cells | None:
    """Tables as `archive_scan.ledger_tables` gives them, for these fields. The database has `shares` (profile, p)."""
    import pyarrow

    plain: list[Any] = []
    columned: list[Any] = []
    numbered = 0
    for table in tables:
        of_kind = plain if "body" in table.column_names else columned
        of_kind.append(_with_number(_with_owner(table, whose), numbered))
        numbered += len(table)
    cells: Cells | None = None
    named = {"plain": _nothing(), "columned": _nothing()}
    if plain:
        named["plain"] = pyarrow.concat_tables(one.replace_schema_metadata(None) for one in plain)
    if columned:
        named["columned"], cells = archive_cells.united(columned, fields)
    for name, table in named.items():
        database.register(name, table)
    for statement in (*_LEDGER, _view("rows", "plain", ["body"]), _view("celled", "columned", _columns(cells))):
        database.execute(statement)
    return cells


def _view(name: str, table: str, columns: Sequence[str]) -> str:
    """All names are our own."""
    read = ", ".join(["l.event", "l.source", "l.type", 'l."at" AS ts', *(f"l.{one}" for one in columns)])
    once = f"SELECT s.p, {read} FROM {table} l JOIN shares s ON s.profile = l.owner"  # noqa: S608
    times = "SELECT p, one, unnest(range(times)) FROM again"
    again = f"SELECT a.p, {read} FROM ({times}) a JOIN {table} l ON l.number = a.one"  # noqa: S608
    others = "l.fingerprint NOT IN (SELECT fingerprint FROM repeated)"
    return f"CREATE OR REPLACE TEMP VIEW {name} AS {once} WHERE {others} UNION ALL {again}"


def _columns(cells: Cells | None) -> list[str]:
    found = (cells or {}).values()
    return [one.text for one in found] + [one.kind for one in found if isinstance(one.kind, str)]


def _with_number(table: Any, first: int) -> Any:
    """A number for each row, which no row of another table has."""
    import pyarrow

    return table.append_column("number", pyarrow.array(range(first, first + len(table)), pyarrow.int64()))


def _with_owner(table: Any, whose: Rows) -> Any:
    """With the column `owner`: the contributor that each row is of."""
    import pyarrow
    from pyarrow import compute

    owners = table["profile"]
    wanted = compute.is_in(owners, pyarrow.array(sorted(whose.parted), pyarrow.string()))
    if compute.any(wanted).as_py():
        found = [whose.owner(row) for row in whose.asked_about(archive_scan.of_table(table.filter(wanted)))]
        owners = compute.replace_with_mask(owners.combine_chunks(), wanted.combine_chunks(), pyarrow.array(found))
    plain = table.drop_columns(["identifiers"]) if "identifiers" in table.column_names else table
    return plain.append_column("owner", owners)


def _nothing() -> Any:
    """Rows with calls of which there are none."""
    import pyarrow

    from personas.stores import archive

    known = archive.schema()
    fields = [known.field(name) for name in archive_scan.LEDGER if name not in ("at", "received")]
    more = [("at", pyarrow.int64()), ("owner", pyarrow.string()), ("number", pyarrow.int64())]
    return pyarrow.schema([*fields, *(pyarrow.field(*one) for one in more)]).empty_table()
