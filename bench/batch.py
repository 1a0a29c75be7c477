"""What computing every profile over the archive costs: CPU of the batch executor, beside what one would write by hand.

The events are made here, always the same, and lie there twice: once as anybody would keep them, in one Parquet file
with the calls as JSON, sorted by profile; and once as our nightly compaction writes them, by its own code, with columns
for what the definitions read (what that costs is said too). The definitions are a shop's: 11 computed traits and 3
audiences.

Beside ours the same answers come from one hand-written query of one pass over the calls, in DuckDB and (where chdb can
be installed: `pip install chdb==4.4.0`, in an environment of its own) in ClickHouse. These two are what the goals are
measured against. A third one by hand is DuckDB's over our columns, which whoever writes it owes to the compaction: it
tells how much of the gain is the columns' and how much the plan's. Hand-written queries are not exact as ours are: they
add doubles, and take any of the values of one millisecond as the first or the last.

Each runs in a process and in a thread of its own, so that nobody pays for what two threads do twice. Its CPU is
measured from the open file to the last value, and what they answer must agree. They take turns, and of each the fastest
of several runs counts: where the machine is shared, the same run takes a third more CPU in one minute than in the next,
which says nothing of the query. DuckDB reads the files itself, for us as well; a preview's worker has them from S3 by
pyarrow. Ours goes shard by shard, as previews do: a shard's profiles are in no other, and its tables stay in the
processor's caches.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "layers/personas/python"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.shop import AUDIENCES, QUERIES

NOW = 1_760_000_400_000
TRAITS = (
    *("orders", "orders_30d", "revenue", "revenue_90d", "average_order", "largest_order", "first_coupon", "views_7d"),
    *("top_category", "brands_count", "last_page"),
)
MEMBERS = ("big_spenders", "recent_buyers", "window_shoppers")
GOALS = {"duckdb": 2.5, "clickhouse": 1.8}
SHARD = 640_000
"""Events in a compacted object: such a one is nearly as large as the night makes them."""
HOUR, DAY = 3_600_000, 86_400_000
FULL_HOUR = NOW // HOUR * HOUR


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--profiles", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="how often each runs; its fastest run counts")
    parser.add_argument("--chdb-python", default=sys.executable, help="a Python that has chdb")
    parser.add_argument("--run", choices=[*RUNS, "compaction"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        said: dict[str, Any] = {**RUNS, "compaction": compacted}[given.run](given.folder)
        print(json.dumps(said))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        calls = f"{folder}/{CALLS}"
        subprocess.run([sys.executable, "-c", MAKE, calls, str(given.events), str(given.profiles)], check=True)
        size = Path(calls).stat().st_size
        print(f"{given.events:,} events, {given.profiles:,} profiles, {size / 1e6:.0f} MB of Parquet")
        made = measured("compaction", folder, sys.executable)
        sizes = f"{made['bytes'] / 1e6:.0f} MB, {made['plain'] / 1e6:.0f} MB without columns"
        taking, writing = (made[part] / given.events * 1e6 for part in ("taking", "writing"))
        print(f"compacted: {sizes}; these cost {taking:.1f} µs of CPU an event to take out, {writing:.1f} to write")
        same = compare(folder, given.chdb_python, given.rounds)
        print(f"all of this took {time.monotonic() - began:.0f} s")
        return 0 if same else 1


def compare(folder: str, chdb_python: str, rounds: int) -> bool:
    pythons = {"ours": sys.executable, "duckdb": sys.executable, "columns": sys.executable}
    has_chdb = subprocess.run([chdb_python, "-c", "import chdb"], capture_output=True, check=False).returncode == 0
    if has_chdb:
        pythons["clickhouse"] = chdb_python
    else:
        print("chdb is not installed, so ClickHouse is left out")
    turns = [{name: measured(name, folder, python) for name, python in pythons.items()} for _ in range(rounds)]
    found = {name: min((turn[name] for turn in turns), key=lambda one: one["cpu"]) for name in pythons}
    ours, same = found["ours"], True
    print(f"ours: {ours['cpu']:.1f} s CPU, {ours['wild']:,} profiles left to the stream's code")
    for name in list(found)[1:]:
        other = found[name]
        agrees = all(near(ours["sums"][key], other["sums"][key]) for key in ours["sums"])
        same &= agrees
        ratio = other["cpu"] / ours["cpu"]
        goal = f" (goal: {GOALS[name]}{'' if ratio >= GOALS[name] else ', missed'})" if name in GOALS else ""
        print(f"  {NAMES[name]}: {other['cpu']:.1f} s CPU, {ratio:.2f} of ours{goal}")
        print(f"  {'the same' if agrees else 'OTHER'} answers")
        if not agrees:
            print(f"    ours {ours['sums']}\n    {name} {other['sums']}")
    for turn in turns:
        print("a round, s CPU: " + ", ".join(f"{NAMES.get(name, name)} {one['cpu']:.1f}" for name, one in turn.items()))
    columns, plan = found["duckdb"]["cpu"] / found["columns"]["cpu"], found["columns"]["cpu"] / ours["cpu"]
    print(f"{columns * plan:.2f} of DuckDB by hand: {columns:.2f} times by the columns, {plan:.2f} times by the plan")
    return same


def near(one: float, other: float) -> bool:
    """Sums of doubles differ in their last digits; ours do not."""
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other))


def measured(name: str, folder: str, python: str) -> dict[str, Any]:
    command = [python, __file__, "--run", name, "--folder", folder]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(answer.splitlines()[-1])
    return found


def cpu(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Seconds, of all threads, and what came of it."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = work(*arguments)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, found


SUMS = {
    **{key: f"sum({key})" for key in ("orders", "orders_30d", "revenue", "revenue_90d", "average_order")},
    **{key: f"sum({key})" for key in ("largest_order", "views_7d", "brands_count")},
    **{key: f"sum(length({key}))" for key in ("first_coupon", "top_category", "last_page")},
    **{key: f"sum(CASE WHEN {key} THEN 1 ELSE 0 END)" for key in MEMBERS},
}
"""What is compared of the answers: a trait that nobody wrote to a profile counts as nothing."""


def definitions() -> Any:
    from personas.core.compute.definition_set import DefinitionSet
    from personas.core.query.definition import Definition

    asked = {**{key: ("computed_trait", QUERIES[key]) for key in TRAITS}}
    asked |= {key: ("audience", AUDIENCES[key]) for key in MEMBERS}
    found = [Definition(key, key, key, kind, "users", query, 1) for key, (kind, query) in asked.items()]
    return DefinitionSet.of(1, found)


def shards(calls: Any) -> Iterator[Any]:
    """Of whole profiles, by which the file is sorted."""
    import pyarrow
    from pyarrow import compute

    waiting = calls.schema_arrow.empty_table()
    for group in range(calls.num_row_groups):
        waiting = pyarrow.concat_tables([waiting, calls.read_row_group(group)])
        while len(waiting) > SHARD:
            end = compute.index(waiting["profile"], waiting["profile"][SHARD]).as_py()
            yield waiting.slice(0, end).combine_chunks()
            waiting = waiting.slice(end)
    yield waiting.combine_chunks()


def compacted(folder: str) -> dict[str, Any]:
    """Written as the night does it, one object after the other."""
    from pyarrow import compute, parquet

    from personas.core.batch.cells import fields_of
    from personas.stores import archive_cells, compaction

    fields, calls = fields_of(definitions()), parquet.ParquetFile(f"{folder}/{CALLS}")
    said = {"taking": 0.0, "writing": 0.0, "bytes": 0, "plain": 0}
    Path(f"{folder}/{COMPACTED}").parent.mkdir()
    for number, table in enumerate(shards(calls)):
        order = compute.sort_indices(table, sort_keys=[("profile", "ascending"), ("at", "ascending")])
        taking, taken = cpu(archive_cells.with_cells, table, fields)
        writing, made = cpu(compaction.parquet_of, taken, order)
        without, plain = cpu(compaction.parquet_of, table, order)
        Path(f"{folder}/{COMPACTED}".replace("*", f"{number:02d}")).write_bytes(made)
        costs = {"taking": taking, "writing": writing - without, "bytes": len(made), "plain": len(plain)}
        said = {name: cost + costs[name] for name, cost in said.items()}
    return said


def ours(folder: str) -> dict[str, Any]:
    import duckdb
    from pyarrow import parquet

    from personas.core.batch.cells import Cell, field_of
    from personas.core.batch.plan import plan
    from personas.core.batch.values import Json
    from personas.stores import archive_cells

    files = sorted(Path(folder).glob(COMPACTED))
    said = [archive_cells.kinds_in(parquet.read_metadata(file).metadata) for file in files]
    kinds = said[0]
    if any(one != kinds for one in said):
        raise SystemExit("the objects have other columns than each other")
    names = {name: f"v{number}" for number, name in enumerate(kinds)}
    cells = {field_of(name): Cell(column, kinds[name] or 0) for name, column in names.items()}
    planned = plan(definitions(), NOW, cells=cells, calls=False)
    columns_read = "".join(f', "{name}" AS {column}' for name, column in names.items())
    database = duckdb.connect(config={"threads": 1})

    def work() -> None:
        for number, file in enumerate(files):
            database.execute(
                f"""CREATE OR REPLACE VIEW celled AS
                SELECT profile AS p, event, source, epoch_ms("at") AS ts{columns_read} FROM read_parquet('{file}')"""
            )
            database.execute(
                """CREATE OR REPLACE VIEW people AS
                SELECT p, '{}' AS traits, ['user_id'] AS held FROM (SELECT DISTINCT p FROM celled)"""
            )
            *statements, query = planned.statements
            for statement in statements:
                database.execute(statement)
            database.execute(f"{'INSERT INTO answers' if number else 'CREATE TABLE answers AS'} {query}")

    spent, _ = cpu(work)
    columns = {output.key: output.column for output in planned.outputs}
    as_json = [output.key for output in planned.outputs if output.kind is Json]
    texts = {key: f"json_extract_string({columns[key]}, '$')" for key in as_json}
    named = ", ".join(f"{texts.get(key, column)} AS {key}" for key, column in columns.items())
    wild = database.execute("SELECT count(*) FROM answers WHERE wild").fetchall()[0][0]
    return {"cpu": spent, "wild": wild, "sums": sums(database, f"(SELECT {named} FROM answers)")}


def sums(database: Any, table: str) -> dict[str, float]:
    found = database.execute(f"SELECT {', '.join(SUMS.values())} FROM {table}").fetchall()[0]
    return {key: float(value) for key, value in zip(SUMS, found, strict=True)}


ORDER, VIEW, PAGE = "event = 'Order Completed'", "event = 'Product Viewed'", "event = 'Page Viewed'"


def since(days: int) -> str:
    return f'epoch_ms("at") >= {FULL_HOUR - days * DAY}'


CALLS, COMPACTED = "calls.parquet", "compacted/*.parquet"
NAMES = {
    "duckdb": "DuckDB, by hand, over the calls",
    "columns": "DuckDB, by hand, over our columns",
    "clickhouse": "ClickHouse, by hand, over the calls",
}


def by_duckdb(folder: str) -> dict[str, Any]:
    names = {name: f"(body->>'$.properties.{name}')" for name in ("revenue", "coupon", "category", "brand")}
    return with_duckdb(f"{folder}/{CALLS}", page="(body->>'$.name')", **names)


def by_columns(folder: str) -> dict[str, Any]:
    names = {name: f'"properties.{name}"' for name in ("revenue", "coupon", "category", "brand")}
    return with_duckdb(f"{folder}/{COMPACTED}", page='"properties.page_name"', **names)


def with_duckdb(file: str, revenue: str, coupon: str, category: str, brand: str, page: str) -> dict[str, Any]:
    import duckdb

    database = duckdb.connect(config={"threads": 1})
    query = f"""CREATE TABLE answers AS SELECT *, revenue > 200 AS big_spenders, orders_14d >= 1 AS recent_buyers,
            views_7d >= 3 AND orders = 0 AS window_shoppers FROM (SELECT profile,
        count(*) FILTER ({ORDER}) AS orders,
        count(*) FILTER ({ORDER} AND {since(30)}) AS orders_30d,
        count(*) FILTER ({ORDER} AND {since(14)}) AS orders_14d,
        sum({revenue}::DOUBLE) FILTER ({ORDER}) AS revenue,
        sum({revenue}::DOUBLE) FILTER ({ORDER} AND {since(90)}) AS revenue_90d,
        avg({revenue}::DOUBLE) FILTER ({ORDER}) AS average_order,
        max({revenue}::DOUBLE) FILTER ({ORDER}) AS largest_order,
        arg_min({coupon}, "at") FILTER ({ORDER}) AS first_coupon,
        count(*) FILTER ({VIEW} AND {since(7)}) AS views_7d,
        list_min(list_transform(list_filter(map_entries(
            histogram({category}) FILTER ({VIEW})), lambda e: e.value >= 2),
            lambda e: {{'c': -(e.value::BIGINT), 't': e.key}})).t AS top_category,
        count(DISTINCT {brand}) FILTER ({VIEW} AND {since(30)}) AS brands_count,
        arg_max({page}, "at") FILTER ({PAGE}) AS last_page
        FROM read_parquet('{file}') WHERE "at" <= epoch_ms({NOW}) GROUP BY profile)"""
    spent, _ = cpu(database.execute, query)
    return {"cpu": spent, "sums": sums(database, "answers")}


def by_clickhouse(folder: str) -> dict[str, Any]:
    import chdb

    moment = "toUnixTimestamp64Milli(at)"
    order, view, page = ORDER, VIEW, PAGE
    revenue = "JSONExtractFloat(body, 'properties', 'revenue')"

    def back(days: int) -> str:
        return f"{moment} >= {FULL_HOUR - days * DAY}"

    query = f"""SELECT {", ".join(SUMS.values())} FROM (SELECT *, revenue > 200 AS big_spenders,
        orders_14d >= 1 AS recent_buyers, views_7d >= 3 AND orders = 0 AS window_shoppers,
        if(arrayMax(mapValues(categories)) >= 2, arraySort(mapKeys(mapFilter(
            (k, v) -> v = arrayMax(mapValues(categories)), categories)))[1], '') AS top_category
        FROM (SELECT profile,
        countIf({order}) AS orders, countIf({order} AND {back(30)}) AS orders_30d,
        countIf({order} AND {back(14)}) AS orders_14d,
        sumIf({revenue}, {order}) AS revenue, sumIf({revenue}, {order} AND {back(90)}) AS revenue_90d,
        avgOrNullIf({revenue}, {order}) AS average_order, maxOrNullIf({revenue}, {order}) AS largest_order,
        argMinOrNullIf(JSONExtractString(body, 'properties', 'coupon'), at, {order}) AS first_coupon,
        countIf({view} AND {back(7)}) AS views_7d,
        sumMapIf(map(assumeNotNull(JSONExtractString(body, 'properties', 'category')), 1), {view}) AS categories,
        uniqExactIf(JSONExtractString(body, 'properties', 'brand'), {view} AND {back(30)}) AS brands_count,
        argMaxOrNullIf(JSONExtractString(body, 'name'), at, {page}) AS last_page
        FROM file('{folder}/{CALLS}', Parquet) WHERE {moment} <= {NOW} GROUP BY profile)) SETTINGS max_threads = 1"""
    spent, answer = cpu(chdb.query, query, "JSONCompact")
    answers = json.loads(str(answer))["data"][0]
    return {"cpu": spent, "sums": {key: float(value) for key, value in zip(SUMS, answers, strict=True)}}


RUNS: dict[str, Callable[[str], dict[str, Any]]] = {
    "ours": ours,
    "duckdb": by_duckdb,
    "columns": by_columns,
    "clickhouse": by_clickhouse,
}

MAKE = f"""
import sys, duckdb
file, events, profiles = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
database = duckdb.connect()
database.execute('SET enable_progress_bar = false')
database.execute('''COPY (
    SELECT profile, 'src' AS source, unhex(printf('%016x', n)) AS fingerprint, type, event, epoch_ms(ms) AS "at",
        body FROM (
        SELECT *, CASE WHEN kind < 4 THEN 'page' ELSE 'track' END AS type,
            CASE WHEN kind < 4 THEN 'Page Viewed' WHEN kind < 9 THEN 'Product Viewed' ELSE 'Order Completed' END
            AS event,
            '{{"messageId":"' || profile || '-' || n || '","userId":"' || profile || '","anonymousId":"anonymous-'
            || profile || '","context":{{"library":{{"name":"analytics.js","version":"4.2.1"}},"ip":"198.51.100.7"}},'
            || CASE WHEN kind < 4 THEN '"type":"page","name":"' || ['Home', 'Pricing', 'Search'][h % 3 + 1] || '"}}'
            WHEN kind < 9 THEN '"type":"track","event":"Product Viewed","properties":{{"brand":"'
                || ['acme', 'birch', 'cedar', 'delta'][h % 4 + 1] || '","category":"'
                || ['shoes', 'shirts', 'hats'][h // 7 % 3 + 1] || '","price":' || (900 + h // 3 % 19100) / 100 || '}}}}'
            ELSE '"type":"track","event":"Order Completed","properties":{{"revenue":' || (900 + h // 3 % 19100) / 100
                || ',"coupon":"SPRING","at":"2025-09-01"}}}}' END AS body
        FROM (SELECT n, (hash(n) % 1000000007)::BIGINT AS h, (hash(n * 3 + 1) % 10)::BIGINT AS kind,
            'use_' || printf('%010d', (hash(n * 7 + 2) % $profiles)::BIGINT) AS profile,
            {NOW} - n * 7 % {120 * DAY} AS ms FROM range($events) r(n)))
    ORDER BY profile) TO '$file' (FORMAT parquet, COMPRESSION zstd)'''
    .replace('$profiles', str(profiles)).replace('$events', str(events)).replace('$file', file))
"""


if __name__ == "__main__":
    sys.exit(main())
