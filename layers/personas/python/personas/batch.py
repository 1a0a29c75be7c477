"""The batch executor: definitions as SQL over rows of the archive, run by DuckDB inside a worker.

Of profiles with values that SQL would not compute exactly (`core.batch.sql` says which), the rows are read again and
folded by the stream's own code, so that both executors mean the same by every definition.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from personas.core.batch.cells import Cells
from personas.core.batch.plan import Plan, plan
from personas.core.compute import monoids
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.questions import NOBODY, Answers
from personas.core.compute.state import ComputeState
from personas.core.event import Event

Database = Any
"""A connection of DuckDB, which only those layers hold that need it, and not for its types."""

TURN = 10_000
"""Profiles that are read at a time."""


_CONFIG: dict[str, Any] = {"threads": 2, "memory_limit": "1800MB", "temp_directory": "/tmp/duckdb"}  # noqa: S108 - Lambda's only one
"""The rows themselves lie in Arrow's memory, beside this."""


def database() -> Database:
    """An empty one, for one piece of work in a worker with two processors and 3.5 GB."""
    import duckdb

    return duckdb.connect(config=_CONFIG)


@dataclass(frozen=True, slots=True)
class Computed:
    profile: str
    values: dict[str, Any]
    """By key; as of the stream's executor, a computed trait without a value is absent."""
    wild: bool
    """Whether the stream's code computed it."""
    capped: frozenset[str] = frozenset()
    """Keys of the values that read something of which more was to be kept than is."""


def compute(
    database: Database,
    definitions: DefinitionSet,
    at: int,
    collection: str = "users",
    cells: Cells | None = None,
    reread: Callable[[Sequence[str]], None] | None = None,
) -> Iterator[Computed]:
    """The values of every profile in `people` at a moment; see `core.batch.plan` for the relations that the database
    has. Of `members` there are the answers to the questions of accounts, too.

    `reread` brings it about that all rows of these profiles are in `rows`: with cells, it may lack some until then.
    """
    calls = cells is None or database.execute("SELECT 1 FROM rows LIMIT 1").fetchone() is not None
    planned = plan(definitions, at, collection, monoids.LARGEST, cells, calls)
    wild = []
    for profile, is_wild, *found in _found(database, planned):
        if is_wild:
            wild.append(profile)
        else:
            pairs = zip(planned.outputs, found, strict=True)
            values = {output.key: value for output, one in pairs if (value := output.read(one)) is not None}
            yield Computed(profile, values, False)
    if wild and reread is not None:
        reread(wild)
    for begin in range(0, len(wild), TURN):
        yield from _folded(database, definitions, at, collection, wild[begin : begin + TURN])


def _found(database: Database, planned: Plan) -> Iterator[tuple[Any, ...]]:
    for statement in planned.statements:
        result = database.execute(statement)
    while turn := result.fetchmany(TURN):
        yield from turn


def _folded(
    database: Database, definitions: DefinitionSet, at: int, collection: str, wild: Sequence[str]
) -> Iterator[Computed]:
    states = {profile: ComputeState() for profile in wild}
    kept = definitions.told if collection == "accounts" else definitions
    rows = database.execute(
        "SELECT p, source, ts, body FROM rows WHERE p IN (SELECT unnest(?)) AND ts <= ?", [wild, at]
    )
    for profile, source, ts, body in rows.fetchall():
        states[profile].add(kept, Event("", source, ts, ts, orjson.loads(body)), at)
    asked = definitions.asked_of_members if collection == "accounts" else definitions.asked_of_accounts.values()
    heard = _heard(database, list(asked), wild) if asked else {}
    people = database.execute("SELECT p, traits, held FROM people WHERE p IN (SELECT unnest(?))", [wild])
    for profile, traits, held in people.fetchall():
        answers = heard.get(profile, NOBODY)
        evaluation = states[profile].evaluate(definitions, orjson.loads(traits), held, at, collection, answers)
        yield Computed(profile, evaluation.values, True, evaluation.capped)


def _heard(database: Database, asked: Sequence[str], profiles: Sequence[str]) -> dict[str, Answers]:
    """What those that these profiles are linked with have answered."""
    linked = dict(database.execute("SELECT p, linked FROM people WHERE p IN (SELECT unnest(?))", [profiles]).fetchall())
    counts = {profile: dict.fromkeys(asked, (linked[profile], 0)) for profile in linked}
    said = "SELECT p, question, sum(yes)::BIGINT FROM answers WHERE p IN (SELECT unnest(?)) GROUP BY p, question"
    for profile, question, yes in database.execute(said, [profiles]).fetchall():
        counts[profile][question] = (linked[profile], yes)
    return {profile: Answers(linked[profile], counts[profile]) for profile in linked}
