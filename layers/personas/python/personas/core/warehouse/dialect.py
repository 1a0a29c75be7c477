"""What Athena and DuckDB say differently. Everything else of the views is one text for both.

>>> print(ATHENA.text("body", ("a", "b c")))
coalesce(json_extract_scalar("body", '$["a"]["b c"]'), nullif(json_format(json_extract("body", '$["a"]["b c"]')), 'null'))
>>> print(DUCKDB.text("body", ("a", "b c")))
("body" ->> '$."a"."b c"')
"""  # noqa: E501 - an answer is one line

from collections.abc import Callable
from dataclasses import dataclass

from personas.core.warehouse.columns import Path


@dataclass(frozen=True, slots=True)
class Dialect:
    text: Callable[[str, Path], str]
    """Of a column that holds JSON, what lies at the path, as text: lists as JSON. Keys hold no quotation marks."""
    milliseconds: Callable[[str], str]
    """Of a column that holds a moment, since 1970."""
    named: Callable[[str], str]
    """Of an event's name, the snake_case that its table is called by."""
    hash: Callable[[str], str]
    """Of a text, 32 hexadecimal digits."""
    pairs: str
    """To be put behind a FROM with the column `traits`, JSON of an object: a row for each of its keys, `pairs.name`."""
    pair_value: str
    """The value of the key, as text."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _athena_text(column: str, path: Path) -> str:
    place = literal("$" + "".join(f'["{key}"]' for key in path))
    held = f"{quoted(column)}, {place}"
    return f"coalesce(json_extract_scalar({held}), nullif(json_format(json_extract({held})), 'null'))"


def _duckdb_text(column: str, path: Path) -> str:
    place = literal("$" + "".join(f'."{key}"' for key in path))
    return f"({quoted(column)} ->> {place})"


def _named(text: str, group: str, everywhere: str) -> str:
    """As columns.named does. `group`: what stands before the number of a group."""
    words = f"regexp_replace({text}, '([a-z0-9])([A-Z])', '{group}1_{group}2'{everywhere})"
    joined = f"regexp_replace({words}, '[^\\p{{L}}\\p{{N}}_]+', '_'{everywhere})"
    stripped = f"regexp_replace({joined}, '^_+|_+$', ''{everywhere})"
    return f"lower(regexp_replace({stripped}, '^([0-9]|$)', '_{group}1'))"


ATHENA = Dialect(
    text=_athena_text,
    milliseconds=lambda column: f"CAST(to_unixtime({quoted(column)}) * 1000 AS bigint)",
    named=lambda text: _named(text, "$", ""),
    hash=lambda text: f"lower(to_hex(md5(to_utf8({text}))))",
    pairs="CROSS JOIN UNNEST(CAST(json_parse(traits) AS map(varchar, json))) AS pairs (name, held_json)",
    pair_value="coalesce(json_extract_scalar(pairs.held_json, '$'), json_format(pairs.held_json))",
)
DUCKDB = Dialect(
    text=_duckdb_text,
    milliseconds=lambda column: f"epoch_ms({quoted(column)})",
    named=lambda text: _named(text, "\\", ", 'g'"),
    hash=lambda text: f"md5({text})",
    pairs="CROSS JOIN LATERAL (SELECT key AS name, value ->> '$' AS held_text FROM json_each(traits)) AS pairs",
    pair_value="pairs.held_text",
)
