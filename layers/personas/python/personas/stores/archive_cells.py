"""The columns of a compacted object in which lies what definitions read (core/batch/cells.py).

An object says of itself, in its metadata under `cells`, which fields were looked for and of what kind their values are:
one kind, MIXED (then each row says which, in a column of its own), or none where there was no value, and so no column.
Numbers and booleans that share their column with nothing else have a type (stores/typed_columns.py), which the kind of
the column says; in objects from before there were types they lie as texts, and both are read together.

Invariant: what is taken out follows from the row's call alone. So rows that repeat each other have the same, and who
does not know the columns misses nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from personas.core.batch.cells import KIND, MIXED, TEXT, VALUES, Cell, Taking, named
from personas.core.batch.recalling import Recalling, value_of
from personas.core.query.tree import Field
from personas.stores.typed_columns import alike, as_texts, typed

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
        name, column = named(field), pyarrow.chunked_array(text, type_of(field))
        of_rows = pyarrow.chunked_array(kind, pyarrow.int8())
        values = of_rows.unique().drop_null().to_pylist()
        said[name] = MIXED if values else None
        if len(values) == 1:
            column, said[name] = typed(column, values[0])
        if values:
            table = table.append_column(name, column)
        if len(values) > 1:
            table = table.append_column(KIND + name, of_rows)
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


def calls_in(table: Table, fields: Sequence[Field]) -> Iterator[dict[str, Any]]:
    """Of each row a call in which definitions read these fields as in the real one; the table has the column `event`,
    and those of all of the fields."""
    recalling = Recalling(fields)
    columns = [_values(table, field) for field in fields]
    rows = zip(*columns, strict=True) if columns else ((),) * len(table)
    for event, values in zip(table["event"].to_pylist(), rows, strict=True):
        yield recalling.call(event, values)


def _values(table: Table, field: Field) -> list[Any]:
    name = named(field)
    kind = kinds_in(table.schema.metadata)[name]
    if kind is None:
        return [None] * len(table)
    texts: list[Any] = (as_texts(table[name]) if kind in VALUES else table[name]).to_pylist()
    kind = VALUES.get(kind, kind)
    if kind == TEXT and not field.path.many:
        return texts
    kinds = table[KIND + name].to_pylist() if kind == MIXED else [kind] * len(texts)
    return [None if text is None else value_of(text, kind) for text, kind in zip(texts, kinds, strict=True)]


def united(tables: Sequence[Table], fields: Collection[Field]) -> tuple[Table, dict[Field, Cell]]:
    """Tables with these fields as one, in which they have plain names, and which they are."""
    import pyarrow

    names = {named(field) for field in fields}
    ours = names | {KIND + name for name in names}
    made = [
        table.select([name for name in table.column_names if name not in ours]).replace_schema_metadata(None)
        for table in tables
    ]
    cells: dict[Field, Cell] = {}
    for place, field in enumerate(fields):
        columns, kind = _of_one_type(tables, field)
        cells[field] = Cell(f"v{place}", f"k{place}" if kind == MIXED else kind)
        made = [table.append_column(f"v{place}", column) for table, column in zip(made, columns, strict=True)]
        if kind == MIXED:
            said = [_kinds_of_rows(table, named(field)) for table in tables]
            made = [table.append_column(f"k{place}", column) for table, column in zip(made, said, strict=True)]
    return pyarrow.concat_tables(made), cells


def _of_one_type(tables: Sequence[Table], field: Field) -> tuple[list[Any], int]:
    """Of each table the column of the field, and of which kind all of them are."""
    import pyarrow

    name = named(field)
    kinds = [kinds_in(table.schema.metadata)[name] for table in tables]
    there = {
        number: (table[name], kind)
        for number, (table, kind) in enumerate(zip(tables, kinds, strict=True))
        if kind is not None
    }
    of_values = {VALUES.get(kind, kind) for _, kind in there.values()}
    kind = of_values.pop() if len(of_values) == 1 else MIXED if of_values else TEXT
    if kind == MIXED:
        there = {number: (as_texts(column), MIXED) for number, (column, _) in there.items()}
    elif there:
        there = dict(zip(there, alike(list(there.values())), strict=True))
        kind = next(iter(there.values()))[1]
    type_ = next((column.type for column, _ in there.values()), type_of(field))
    return [
        there[number][0] if number in there else pyarrow.chunked_array([pyarrow.nulls(len(table), type_)])
        for number, table in enumerate(tables)
    ], kind


def _kinds_of_rows(table: Table, name: str) -> Any:
    """None where there is no value."""
    import pyarrow
    from pyarrow import compute

    kind = kinds_in(table.schema.metadata)[name]
    if kind == MIXED:
        return table[KIND + name]
    if kind is None:
        return pyarrow.nulls(len(table), pyarrow.int8())
    said = pyarrow.scalar(VALUES.get(kind, kind), pyarrow.int8())
    return compute.if_else(table[name].is_valid(), said, pyarrow.scalar(None, pyarrow.int8()))
