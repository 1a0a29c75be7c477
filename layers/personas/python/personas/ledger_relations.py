"""Rows of a ledger as relations of a database: `plain` of those with their calls, `columned` of those with columns
instead of them. An event lies in one of the two, or in both where it lies in several objects.
"""

from collections.abc import Sequence
from typing import Any

from personas.core.batch.cells import Cells
from personas.core.query.tree import Field
from personas.stores import archive_cells, archive_scan

Table = Any
"""Of Arrow."""


def lay(database: Any, tables: Sequence[Table], fields: Sequence[Field], owned: bool = False) -> Cells | None:
    """Tables as `archive_scan.ledger_tables` gives them, for these fields, each of whose rows gets a `number` in their
    order; `owned`: they have a column `owner`, too. Answers where the fields lie in `columned`."""
    import pyarrow

    plain: list[Table] = []
    columned: list[Table] = []
    numbered = 0
    for table in tables:
        numbers = pyarrow.array(range(numbered, numbered + len(table)), pyarrow.int64())
        numbered += len(table)
        if "identifiers" in table.column_names:
            table = table.drop_columns(["identifiers"])
        of_kind = plain if "body" in table.column_names else columned
        of_kind.append(table.append_column("number", numbers))
    cells: Cells | None = None
    relations = {"plain": _no_rows(owned), "columned": _no_rows(owned)}
    if plain:
        relations["plain"] = pyarrow.concat_tables(one.replace_schema_metadata(None) for one in plain)
    if columned:
        relations["columned"], cells = archive_cells.united(columned, fields)
    for name, relation in relations.items():
        database.register(name, relation)
    return cells


def columns_of(cells: Cells | None) -> list[str]:
    """In which the fields lie."""
    found = (cells or {}).values()
    return [one.text for one in found] + [one.kind for one in found if isinstance(one.kind, str)]


def _no_rows(owned: bool) -> Table:
    import pyarrow

    from personas.stores import archive

    known = archive.schema()
    fields = [known.field(name) for name in archive_scan.LEDGER if name not in ("at", "received")]
    more = [("at", pyarrow.int64()), ("number", pyarrow.int64())]
    if owned:
        more.append(("owner", pyarrow.string()))
    return pyarrow.schema([*fields, *(pyarrow.field(*one) for one in more)]).empty_table()
