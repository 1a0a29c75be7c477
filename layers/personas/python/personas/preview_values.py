"""What the profiles that a preview looks at would have: by SQL (personas/batch.py), or folded by the stream's own code.

Both say the same (core/preview/fold.py says what). SQL begins with the work of some thousand rows, and then each row
costs it a fraction of what it costs to fold one. So few rows are folded, and many are asked.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from personas import batch
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import Evaluation
from personas.core.preview import fold
from personas.core.preview.subject import Subject
from personas.core.query.tree import Trait
from personas.core.query.walking import walk
from personas.stores import archive_scan
from personas.whose import Rows

FEWEST_ROWS = 20_000
"""For which SQL is asked."""
_CONFIG: dict[str, Any] = {"threads": 2, "memory_limit": "1800MB", "temp_directory": "/tmp/duckdb"}  # noqa: S108 - Lambda's only one
"""The rows themselves lie in Arrow's memory, beside this."""

_ROWS = (
    # Nearly every event lies in one row only: just the others have to be added up.
    """CREATE TEMP TABLE repeated AS
    SELECT fingerprint FROM ledger GROUP BY fingerprint HAVING count(*) > 1 OR bool_or(taken_back)""",
    """CREATE TEMP TABLE again AS
    SELECT p, any_value(one) AS one, sum(CASE WHEN back THEN -1 ELSE 1 END)::BIGINT AS times FROM (
        SELECT s.p, l.profile, l.fingerprint, l.taken_back AS back, any_value(l) AS one
        FROM ledger l JOIN shares s ON s.profile = l.owner
        WHERE l.fingerprint IN (SELECT fingerprint FROM repeated)
        GROUP BY s.p, l.profile, l.fingerprint, l.taken_back, CASE WHEN l.taken_back THEN (l.lane, l.seq, l.place) END)
    GROUP BY p, fingerprint HAVING times > 0""",
    """CREATE TEMP VIEW rows AS
    SELECT s.p, l.event, l.source, l.type, l."at" AS ts, l.body
    FROM ledger l JOIN shares s ON s.profile = l.owner
    WHERE l.fingerprint NOT IN (SELECT fingerprint FROM repeated)
    UNION ALL SELECT p, one.event, one.source, one.type, one."at", one.body
    FROM (SELECT p, one, unnest(range(times)) FROM again)""",
)


def values(
    definitions: DefinitionSet,
    level: str,
    tables: Sequence[Any],
    subjects: Sequence[Subject],
    live: DefinitionSet,
    now_ms: int,
    whose: Rows,
) -> Iterator[tuple[Subject, Evaluation]]:
    """As `fold.values`; the rows as `archive_scan.ledger_tables` gives them."""
    if sum(map(len, tables)) < FEWEST_ROWS:
        rows = whose.asked_about(archive_scan.entries(tables))
        yield from fold.values(definitions, level, rows, subjects, live, now_ms, whose.owner)
        return
    known = {subject.profile.id: subject for subject in subjects}
    database = _database(definitions, level, [_with_owner(table, whose) for table in tables], subjects, live)
    for found in batch.compute(database, definitions, now_ms, level):
        yield known[found.profile], Evaluation(found.values, None, found.capped)


def _database(
    definitions: DefinitionSet, level: str, tables: Sequence[Any], subjects: Sequence[Subject], live: DefinitionSet
) -> batch.Database:
    import duckdb
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
    database = duckdb.connect(config=_CONFIG)
    relations = {
        "ledger": pyarrow.concat_tables(tables),
        "people": pyarrow.table(
            people, pyarrow.schema([("p", text), ("traits", text), ("held", texts), ("linked", pyarrow.int64())])
        ),
        "shares": _table(shares, [("profile", text), ("p", text)]),
        "answers": _table(answers, [("p", text), ("question", text), ("yes", pyarrow.int64())]),
    }
    for name, relation in relations.items():
        database.register(name, relation)
    for statement in _ROWS:
        database.execute(statement)
    return database


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


def _traits(subject: Subject, live: DefinitionSet, read: set[str]) -> str:
    if not read:
        return "{}"
    found = subject.values(live)
    return orjson.dumps({key: found[key] for key in read if key in found}).decode()


def _table(rows: Sequence[tuple[Any, ...]], columns: Sequence[tuple[str, Any]]) -> Any:
    import pyarrow

    cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    return pyarrow.table(cells, pyarrow.schema(columns))
