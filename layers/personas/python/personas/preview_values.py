"""What the profiles that a preview looks at would have: by SQL (personas/batch.py), or folded by the stream's own code.

Both say the same (core/preview/fold.py says what). SQL begins with the work of some thousand rows, and then each row
costs it a fraction of what it costs to fold one. So few rows are folded, and many are asked.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import orjson

from personas import batch, preview_ledger
from personas.core.batch.cells import named, read_by
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import Evaluation
from personas.core.preview import fold
from personas.core.preview.subject import Subject
from personas.core.query.tree import Field, Trait
from personas.core.query.walking import walk
from personas.stores import archive_scan
from personas.whose import Rows

FEWEST_ROWS = 20_000
"""For which SQL is asked."""

Read = Callable[[Collection[str], Collection[Field] | None], list[Any]]
"""What these profiles counted, as `archive_scan.ledger_tables` gives it: with the calls, or with the fields instead."""


def values(
    definitions: DefinitionSet,
    level: str,
    read: Read,
    subjects: Sequence[Subject],
    live: DefinitionSet,
    now_ms: int,
    whose: Rows,
) -> Iterator[tuple[Subject, Evaluation]]:
    """As `fold.values`."""
    fields = sorted(read_by(formula.tree for formula in definitions.formulas[level]), key=named)
    tables = read(_contributors(subjects, whose), fields)
    if sum(map(len, tables)) < FEWEST_ROWS:
        if any("body" not in table.column_names for table in tables):
            tables = read(_contributors(subjects, whose), None)
        rows = whose.asked_about(archive_scan.entries(tables))
        yield from fold.values(definitions, level, rows, subjects, live, now_ms, whose.owner)
        return
    known = {subject.profile.id: subject for subject in subjects}
    database = _database(definitions, level, subjects, live)
    cells = preview_ledger.lay(database, tables, fields, whose)
    del tables

    def reread(profiles: Sequence[str]) -> None:
        """With the calls: these are folded."""
        wanted = _contributors([known[profile] for profile in profiles], whose)
        preview_ledger.lay(database, read(wanted, None), fields, whose)

    again = reread if cells is not None else None
    for found in batch.compute(database, definitions, now_ms, level, cells, again):
        yield known[found.profile], Evaluation(found.values, None, found.capped)


def _contributors(subjects: Sequence[Subject], whose: Rows) -> set[str]:
    return {contributor for subject in subjects for contributor in subject.contributors} | whose.parted


def _database(
    definitions: DefinitionSet, level: str, subjects: Sequence[Subject], live: DefinitionSet
) -> batch.Database:
    import pyarrow

    read = {node.key for one in definitions.formulas[level] for node in walk(one.tree) if isinstance(node, Trait)}
    people = {
        "p": [subject.profile.id for subject in subjects],
        "traits": [_traits(subject, live, read) for subject in subjects],
        "held": [sorted(subject.profile.held) for subject in subjects],
        "linked": [subject.answers.linked for subject in subjects],
    }
    shares = [(one, subject.profile.id) for subject in subjects for one in subject.contributors]
    answers = [
        (subject.profile.id, question, yes)
        for subject in subjects
        for question, (_, yes) in subject.answers.counts.items()
    ]
    text, texts = pyarrow.string(), pyarrow.list_(pyarrow.string())
    database = batch.database()
    relations = {
        "people": pyarrow.table(
            people, pyarrow.schema([("p", text), ("traits", text), ("held", texts), ("linked", pyarrow.int64())])
        ),
        "shares": _table(shares, [("profile", text), ("p", text)]),
        "answers": _table(answers, [("p", text), ("question", text), ("yes", pyarrow.int64())]),
    }
    for name, relation in relations.items():
        database.register(name, relation)
    return database


def _traits(subject: Subject, live: DefinitionSet, read: set[str]) -> str:
    if not read:
        return "{}"
    found = subject.values(live)
    return orjson.dumps({key: found[key] for key in read if key in found}).decode()


def _table(rows: Sequence[tuple[Any, ...]], columns: Sequence[tuple[str, Any]]) -> Any:
    import pyarrow

    cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    return pyarrow.table(cells, pyarrow.schema(columns))
