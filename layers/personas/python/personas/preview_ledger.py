"""The rows that count for the profiles that a preview looks at, as relations of its database: `rows`, and `celled`.

Each row of the ledger counts for everyone whose contributor its owner is, once for each time, less what was taken back;
it may lie in several objects, and in one of them with its call, in another with columns instead.
"""

from collections.abc import Sequence
from typing import Any

from personas import ledger_relations
from personas.core.batch.cells import Cells
from personas.core.query.tree import Field
from personas.stores import archive_scan
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
    cells = ledger_relations.lay(database, [_with_owner(table, whose) for table in tables], fields, owned=True)
    columns = ledger_relations.columns_of(cells)
    for statement in (*_LEDGER, _view("rows", "plain", ["body"]), _view("celled", "columned", columns)):
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


def _with_owner(table: Any, whose: Rows) -> Any:
    """With the column `owner`: the contributor that each row is of."""
    import pyarrow
    from pyarrow import compute

    owners = table["profile"]
    wanted = compute.is_in(owners, pyarrow.array(sorted(whose.parted), pyarrow.string()))
    if compute.any(wanted).as_py():
        found = [whose.owner(row) for row in whose.asked_about(archive_scan.of_table(table.filter(wanted)))]
        owners = compute.replace_with_mask(owners.combine_chunks(), wanted.combine_chunks(), pyarrow.array(found))
    return table.append_column("owner", owners)
