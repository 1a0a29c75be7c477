"""What a backfill's fold of the archive costs: CPU per event, by the stream's code and in SQL, which must agree.

The events and the definitions are those of bench/batch.py, and lie as the nightly compaction writes them. The fold is
given the rows of the whole archive at once, as one shard's worker has those of its lanes, once with the columns in
which lies what the definitions read, and once with the calls, as of objects of today or from before anybody asked.
What comes out are states of profiles as the envelopes carry them, ready to be sent.

Each runs in a process of its own, and what they make must be the same to the byte. Reading Parquet is counted apart.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "layers/personas/python"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.batch import AUDIENCES, CALLS, COMPACTED, MAKE, MEMBERS, NOW, QUERIES, TRAITS, compacted, cpu

RUNS = {
    "by the stream's code, from calls": (False, False),
    "by the stream's code, from columns": (False, True),
    "in SQL, from calls": (True, False),
    "in SQL, from columns": (True, True),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--profiles", type=int, default=100_000)
    parser.add_argument("--run", choices=list(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        print(json.dumps(folded(given.folder, *RUNS[given.run])))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        made = [sys.executable, "-c", MAKE, f"{folder}/{CALLS}", str(given.events), str(given.profiles)]
        subprocess.run(made, check=True)
        compacted(folder)
        print(f"{given.events:,} events, {given.profiles:,} profiles, 11 traits and 3 audiences whose past is folded")
        digests = {report(name, measured(name, folder), given.events) for name in RUNS}
    print("the same states" if len(digests) == 1 else "OTHER states")
    return 0 if len(digests) == 1 else 1


def measured(name: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--run", name, "--folder", folder]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def report(name: str, found: dict[str, Any], events: int) -> str:
    fold, read = (found[part] / events * 1e6 for part in ("fold", "read"))
    print(f"  {name}: {fold:.1f} µs of CPU an event, {read:.1f} to read; {found['memory']:,} MB at most")
    return str(found["digest"])


def folded(folder: str, in_sql: bool, from_columns: bool) -> dict[str, Any]:
    from personas import backfill_fold
    from personas.whose import Owners, Rows

    definitions = coming()
    backfill_fold.FEWEST_ROWS = 0 if in_sql else sys.maxsize
    read, tables = cpu(lambda: list(ledger(folder, backfill_fold.fields_of(definitions), from_columns)))
    whose = Rows(frozenset(), Owners("sp"))
    fold, digest = cpu(lambda: digested(backfill_fold.parts(definitions, tables, whose, NOW)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"fold": fold, "read": read, "digest": digest, "memory": memory}


def digested(parts: Iterator[Any]) -> str:
    """Whatever order they come in. To write them as JSON is part of what sending them costs."""
    import orjson

    found = sorted(blake2b(orjson.dumps(part, option=orjson.OPT_SORT_KEYS)).digest() for part in parts)
    return blake2b(b"".join(found), digest_size=8).hexdigest()


def coming() -> Any:
    from personas.core.compute.definition_set import DefinitionSet
    from personas.core.query.definition import Definition

    asked = {**{key: ("computed_trait", QUERIES[key]) for key in TRAITS}}
    asked |= {key: ("audience", AUDIENCES[key]) for key in MEMBERS}
    found = [Definition(key, key, key, kind, "users", query, 1) for key, (kind, query) in asked.items()]
    return DefinitionSet.of(2, [], coming=found, kept_since={})


def ledger(folder: str, fields: Any, from_columns: bool) -> Iterator[Any]:
    """As `archive_scan.lane_tables` reads it; the bench's files lack what is the same in all rows."""
    import pyarrow
    from pyarrow import parquet

    from personas.stores import archive, archive_cells, archive_scan

    said: dict[str, Any] = {"space": "sp", "lane": 0, "seq": "1", "place": 0, "version": 1, "taken_back": False}
    schema = archive.schema()
    for file in sorted(Path(folder).glob(COMPACTED)):
        kinds = archive_cells.kinds_in(parquet.read_metadata(file).metadata)
        cells = archive_cells.columns_of(kinds, fields) if from_columns else ["body"]
        if cells is None:
            raise SystemExit("the objects lack columns")
        there = [name for name in archive_scan.LEDGER if name not in said and name not in ("body", "received")]
        table = parquet.read_table(file, columns=[*there, *cells])
        for name, value in said.items():
            column = pyarrow.repeat(pyarrow.scalar(value, schema.field(name).type), len(table))
            table = table.append_column(name, column)
        table = table.append_column("received", table["at"])
        for name in ("at", "received"):
            moments = table[name].cast(schema.field(name).type)
            table = table.set_column(table.column_names.index(name), name, moments)
        columns = [name for name in archive_scan.LEDGER if name != "body"]
        yield archive_scan.plain(table.select([*columns, *cells]))


if __name__ == "__main__":
    sys.exit(main())
