"""Histories as rows of an archive: many profiles and definitions in one database, as the batch executor reads them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb
import orjson

from personas.core.compute.questions import NOBODY, Answers
from personas.core.event import Event
from personas.core.query.definition import Definition
from tests.unit.compute.histories import History


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
