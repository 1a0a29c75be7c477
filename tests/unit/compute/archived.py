"""Histories as rows of an archive: many profiles and definitions in one database, as the batch executor reads them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import orjson
import pyarrow
from hypothesis import strategies as st

from personas import batch
from personas.core.batch.cells import VALUES, Cells, fields_of, named, read_by
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.questions import NOBODY, Answers
from personas.core.event import Event
from personas.core.query.definition import Definition
from personas.core.query.tree import Field
from personas.stores import archive_cells, typed_columns
from tests.unit.compute.histories import History

ROW = ("p", "event", "source", "type", "ts")


def database() -> duckdb.DuckDBPyConnection:
    found = duckdb.connect(config={"threads": 1})
    found.execute("CREATE TABLE rows (p VARCHAR, event VARCHAR, source VARCHAR, type VARCHAR, ts BIGINT, body VARCHAR)")
    found.execute("CREATE TABLE people (p VARCHAR, traits VARCHAR, held VARCHAR[], linked BIGINT)")
    found.execute("CREATE TABLE answers (p VARCHAR, question VARCHAR, yes BIGINT)")
    return found


def fill(
    database: duckdb.DuckDBPyConnection, histories: Sequence[History], heard: Sequence[Answers] | None = None
) -> None:
    """Each history becomes the profile of its number, and has heard what lies at that place."""
    answers = heard or [NOBODY] * len(histories)
    people = [[str(n), text(one.traits), sorted(one.held), answers[n].linked] for n, one in enumerate(histories)]
    rows = [row(str(n), event) for n, one in enumerate(histories) for event in one.events]
    said = [[str(n), question, yes] for n, one in enumerate(answers) for question, (_, yes) in one.counts.items()]
    for table, found in (("people", people), ("rows", rows), ("answers", said)):
        database.execute(f"TRUNCATE {table}")
        if found:
            marks = ", ".join("?" for _ in found[0])
            values = ", ".join(f"({marks})" for _ in found)
            database.execute(f"INSERT INTO {table} VALUES {values}", [cell for each in found for cell in each])


def row(profile: str, event: Event) -> list[Any]:
    return [profile, event.name, event.source, event.type, event.at, text(event.body)]


@dataclass(frozen=True, slots=True)
class Objects:
    """In which object of the archive the rows lie, by turns, and which of the fields that could be read compaction has
    taken out of each object (None: it never saw that one). The last one is from before columns had types."""

    turns: Sequence[int]
    taken: Sequence[Sequence[bool] | None]

    def fields(self, number: int, known: Sequence[Field]) -> list[Field] | None:
        taken = self.taken[number]
        if taken is None:
            return None
        return [field for place, field in enumerate(known) if taken[place % len(taken)]]


taken = st.none() | st.just([True]) | st.lists(st.sampled_from([True, True, False]), min_size=1, max_size=6)
everything = st.just([True])
objects = st.builds(
    Objects,
    st.lists(st.integers(0, 2), min_size=1, max_size=7),
    st.tuples(everything | taken, taken, taken) | st.tuples(everything, everything, everything),
)


def computed(
    database: duckdb.DuckDBPyConnection,
    definitions: DefinitionSet,
    at: int,
    collection: str = "users",
    archive: Objects | None = None,
) -> list[batch.Computed]:
    """What the batch says of what the database was filled with; in the archive it lies in these objects."""
    if archive is None:
        return list(batch.compute(database, definitions, at, collection))
    every, asked = database.sql("FROM rows").to_arrow_table(), sorted(_asked(definitions, collection), key=named)
    cells = _lay_out(database, every, archive, fields_of(definitions), asked)

    def reread(_: Sequence[str]) -> None:
        _replace(database, every)

    return list(batch.compute(database, definitions, at, collection, cells, reread))


def _asked(definitions: DefinitionSet, collection: str) -> frozenset[Field]:
    return read_by(formula.tree for formula in definitions.formulas[collection])


def _lay_out(
    database: duckdb.DuckDBPyConnection,
    every: pyarrow.Table,
    archive: Objects,
    known: Sequence[Field],
    asked: list[Field],
) -> Cells | None:
    """Only rows of objects that lack something stay in `rows`."""
    plain, celled = [every.slice(0, 0)], []
    for number in range(len(archive.taken)):
        turns = [archive.turns[place % len(archive.turns)] == number for place in range(len(every))]
        part, fields = every.filter(pyarrow.array(turns, pyarrow.bool_())), archive.fields(number, known)
        made = part if fields is None else archive_cells.with_cells(part, fields)
        if number == len(archive.taken) - 1:
            made = as_before_types(made)
        columns = archive_cells.columns_of(archive_cells.kinds_in(made.schema.metadata), asked)
        if fields is None or columns is None:
            plain.append(part)
        else:
            celled.append(made.select([*ROW, *columns]))
    _replace(database, pyarrow.concat_tables(plain))
    if not celled:
        return None
    united, cells = archive_cells.united(celled, asked)
    database.register("united", united)
    database.execute("CREATE OR REPLACE TABLE celled AS FROM united")
    return cells


def as_before_types(table: pyarrow.Table) -> pyarrow.Table:
    """As compaction wrote it when all columns were of texts."""
    kinds = archive_cells.kinds_in(table.schema.metadata)
    for name, kind in kinds.items():
        if kind in VALUES:
            table = table.set_column(table.column_names.index(name), name, typed_columns.as_texts(table[name]))
    said = {name: None if kind is None else VALUES.get(kind, kind) for name, kind in kinds.items()}
    return table.replace_schema_metadata({archive_cells.SAID: orjson.dumps(said)})


def _replace(database: duckdb.DuckDBPyConnection, rows: pyarrow.Table) -> None:
    database.register("these", rows)
    database.execute("TRUNCATE rows")
    database.execute("INSERT INTO rows FROM these")


def text(found: Any) -> str:
    return orjson.dumps(found).decode()


def together(histories: Sequence[History]) -> list[Definition]:
    """The definitions of all histories, each with keys of its own."""
    found = []
    for number, history in enumerate(histories):
        keys = {definition.key for definition in history.definitions}
        for definition in history.definitions:
            query = re.sub(r"trait\('(\w+)'", lambda m, n=number, keys=keys: renamed(m, n, keys), definition.query)
            key = f"h{number}{definition.key}"
            found.append(replace(definition, id=key, key=key, query=query))
    return found


def renamed(match: re.Match[str], number: int, keys: set[str]) -> str:
    return f"trait('h{number}{match[1]}'" if match[1] in keys else match[0]
