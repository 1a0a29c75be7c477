"""The columns of a compacted object in which lies what definitions read (core/batch/cells.py).

An object says of itself, in its metadata under `cells`, which fields were looked for and of what kind their values are:
one kind, MIXED (then each row says which, in a column of its own), or none where there was no value, and so no column.

Invariant: what is taken out follows from the row's call alone. So rows that repeat each other have the same, and who
does not know the columns misses nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from personas.core.batch.cells import KIND, MIXED, TEXT, Cell, Taking, named
from personas.core.query.tree import Field

Table = Any
"""Of Arrow."""
Kinds = Mapping[str, int | None]
"""By the name of a column."""
SAID = b"cells"
TURN = 10_000
"""Rows whose calls are in memory at a time."""


def with_cells(table: Table, fields: Iterable[Field]) -> Table:
    """The rows with what is taken out of their calls; the table has the columns `event` and `body`."""
    import pyarrow

    taking = Taking(fields)
    texts: list[list[Any]] = [[] for _ in taking.fields]
    kinds: list[list[Any]] = [[] for _ in taking.fields]
    for batch in table.select(["event", "body"]).to_batches(max_chunksize=TURN):
        pairs = zip(batch["event"].to_pylist(), batch["body"].to_pylist(), strict=True)
        found = taking.columns(orjson.loads(body) if event is not None else None for event, body in pairs)
        for number, field in enumerate(taking.fields):
            texts[number].append(pyarrow.array(found[0][number], type_of(field)))
            kinds[number].append(pyarrow.array(found[1][number], pyarrow.int8()))
    said: dict[str, int | None] = {}
    for field, text, kind in zip(taking.fields, texts, kinds, strict=True):
        column = pyarrow.chunked_array(kind, pyarrow.int8())
        values = column.unique().drop_null().to_pylist()
        said[named(field)] = values[0] if len(values) == 1 else MIXED if values else None
        if values:
            table = table.append_column(named(field), pyarrow.chunked_array(text, type_of(field)))
        if len(values) > 1:
            table = table.append_column(KIND + named(field), column)
    return table.replace_schema_metadata({SAID: orjson.dumps(said)})


def type_of(field: Field) -> Any:
    import pyarrow

    return pyarrow.list_(pyarrow.string()) if field.path.many else pyarrow.string()


def kinds_in(metadata: Mapping[bytes, bytes] | None) -> Kinds:
    """Of the fields that were looked for in an object."""
    found: Kinds = orjson.loads((metadata or {}).get(SAID, b"{}"))
    return found


def columns_of(kinds: Kinds, fields: Collection[Field]) -> list[str] | None:
    """Those in which the fields lie; None where not all of them were looked for."""
    names = [named(field) for field in fields]
    if not kinds.keys() >= set(names):
        return None
    mixed = [KIND + name for name in names if kinds[name] == MIXED]
    return [name for name in names if kinds[name] is not None] + mixed


def united(tables: Sequence[Table], fields: Collection[Field]) -> tuple[Table, dict[Field, Cell]]:
    """Tables with these fields as one, in which they have plain names, and which they are."""
    import pyarrow

    names = {field: (f"v{place}", f"k{place}") for place, field in enumerate(fields)}
    kinds = [kinds_in(table.schema.metadata) for table in tables]
    cells: dict[Field, Cell] = {}
    for field, (text, kind) in names.items():
        found = {one[named(field)] for one in kinds} - {None}
        one = found.pop() if len(found) == 1 else MIXED if found else TEXT
        cells[field] = Cell(text, kind if one == MIXED or one is None else one)
    plain = [_plainly_named(table, said, names, cells) for table, said in zip(tables, kinds, strict=True)]
    return pyarrow.concat_tables(plain), cells


def _plainly_named(
    table: Table, kinds: Kinds, names: Mapping[Field, tuple[str, str]], cells: Mapping[Field, Cell]
) -> Table:
    import pyarrow

    ours = {*(named(field) for field in names), *(KIND + named(field) for field in names)}
    made = table.select([name for name in table.column_names if name not in ours]).replace_schema_metadata(None)
    for field, (text, kind) in names.items():
        name = named(field)
        there = kinds[name]
        found = table[name] if there is not None else pyarrow.nulls(len(table), type_of(field))
        made = made.append_column(text, found)
        if cells[field].kind == kind:
            said = (
                table[KIND + name]
                if there == MIXED
                else pyarrow.repeat(pyarrow.scalar(there, pyarrow.int8()), len(table))
            )
            made = made.append_column(kind, said)
    return made
