"""What stitching costs: CPU of the pure resolver, beside what a warehouse does with the same edges in SQL.

An edge is an event with two identifiers. The people have 2 to 8 identifiers each; a tenth of the edges are chains of
50 whose links come in any order, and one identifier is shared by 1,500 others, so that the cap on a profile's
identifiers bites. Ours takes the edges one at a time, as they come, and knows who is who after each; claims and merges
are the engine's own, with the roots in memory instead of DynamoDB. The two others, in DuckDB on one thread, begin when
all edges are in a table: a recursive CTE (all that each identifier reaches, the smallest of it), and the way of the
published dbt packages (each edge takes the smallest label seen at either end, again until nothing changes). What the
recursion holds grows with the squares of components.

All must find the same components, but where ours set an identifier aside because of a cap: there every profile lies
within one component.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1] / "layers/personas/python"))

from personas.core.identifier import Identifier
from personas.core.identity.resolver import Decision, resolve
from personas.core.identity.root import Root
from personas.core.identity.rules import Rules
from personas.core.identity.walk import walk

Edge = tuple[str, str]
"""Two identifiers, each as `type:value`."""
Labels = Mapping[str, object]
"""Per identifier, the component that it is in."""

TYPES = ("user_id", "email", "anonymous_id", "android.id", "ios.id")
CHAIN, SHARED = 50, 1_500
NOW = 1_760_000_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edges", type=int, nargs="+", default=[1_000_000, 5_000_000], help="of each run")
    given = parser.parse_args()
    same = [compare(count, {"recursive CTE": recursive, "min-label propagation": propagated}) for count in given.edges]
    return 0 if all(same) else 1


def compare(count: int, others: Mapping[str, Callable[[duckdb.DuckDBPyConnection], None]]) -> bool:
    """Prints ours beside the others, and whether the components are the same."""
    edges = shuffled_edges(count)
    graph = Graph()
    own = cpu(lambda: graph.take(edges))
    labels = graph.labels()
    print(f"{len(edges):,} edges, {len(labels):,} identifiers")
    print(f"ours: {own:.1f} s CPU, {own / len(edges) * 1e6:.1f} us an edge, {graph.merges:,} merges")
    right = True
    for name, stitch in others.items():
        with duckdb.connect(config={"threads": 1}) as database:
            load(database, edges)
            spent = cpu(partial(stitch, database))
            found: Labels = dict(database.execute("SELECT one, component FROM found").fetchall())
        capped = {found[one] for one in graph.aside}
        same = agree(labels, found, capped)
        right &= same
        print(f"  {name}: {spent:.1f} s CPU for all at once, {spent / own:.2f} of ours")
        print(
            f"  {'the same' if same else 'OTHER'} components: {len(set(found.values())):,}, in {len(capped)} of them"
            f" a cap set {len(graph.aside):,} identifiers aside",
            flush=True,
        )
    return right


def shuffled_edges(count: int) -> list[Edge]:
    """As many as asked for; everybody's begin where the previous one's end, and then come in any order."""
    chance = random.Random(1)
    edges: list[Edge] = []
    told = 0

    def identifiers(wanted: int) -> list[str]:
        nonlocal told
        told += wanted
        return [f"{chance.choice(TYPES)}:{number:08x}" for number in range(told - wanted, told)]

    hub, *others = identifiers(1 + min(SHARED, count // 10))
    edges += [(hub, other) for other in others]
    for _ in range(count // 10 // CHAIN):
        links = identifiers(CHAIN + 1)
        edges += pairwise(links)
    while len(edges) < count:
        person = identifiers(chance.randrange(2, 9))
        edges += [(chance.choice(person[:place]), one) for place, one in enumerate(person) if place]
        edges += [tuple(chance.sample(person, 2)) for _ in person[2:]]
    del edges[count:]
    chance.shuffle(edges)
    return edges


class Graph:
    """The engine's graph in memory: what its transactions would have written."""

    def __init__(self) -> None:
        limits = [{"type": kind, "limit": 1_000_000} for kind in TYPES]
        self._rules = Rules.of_data({"identifiers": limits, "blockedValues": [], "blockedPatterns": []})
        self._profiles: dict[Identifier, str] = {}
        self._roots: dict[str, Root] = {}
        self.aside: set[str] = set()
        self.merges = 0

    def take(self, edges: Sequence[Edge]) -> None:
        for number, edge in enumerate(edges):
            identifiers = [Identifier(*one.split(":")) for one in edge]
            identifiers.sort(key=lambda one: self._rules.rank(one.type))
            found = {one: self._root_of(one) for one in identifiers if one in self._profiles}
            decision = resolve(self._rules, identifiers, found, NOW + number)
            if decision.changes_something:
                self._carry_out(decision, NOW + number)
            if decision.aside:
                self.aside.update(f"{one.identifier.type}:{one.identifier.value}" for one in decision.aside)

    def labels(self) -> dict[str, str]:
        """An identifier that no profile took is alone."""
        alone = {one: one for one in self.aside}
        return alone | {f"{one.type}:{one.value}": self._root_of(one).id for one in self._profiles}

    def _root_of(self, identifier: Identifier) -> Root:
        root = walk(self._roots.get, self._profiles[identifier], identifier)
        assert isinstance(root, Root)
        return root

    def _carry_out(self, decision: Decision, now: int) -> None:
        after = decision.survivor or Root(f"use_{now:x}", created=now)
        for loser, _ in decision.losers:
            self._roots[loser.id], after = loser.yielding_to(after), after.absorbing(loser)
        if decision.claims:
            after = after.claiming(*(one.type for one in decision.claims), at=now)
        self._roots[after.id] = after
        for one in decision.claims:
            self._profiles[one] = after.id
        self.merges += len(decision.losers)


def load(database: duckdb.DuckDBPyConnection, edges: Sequence[Edge]) -> None:
    database.execute("CREATE TABLE edges (a VARCHAR, b VARCHAR)")
    for start in range(0, len(edges), 100_000):
        some = edges[start : start + 100_000]
        database.execute("INSERT INTO edges SELECT unnest(?), unnest(?)", [[a for a, _ in some], [b for _, b in some]])


def recursive(database: duckdb.DuckDBPyConnection) -> None:
    database.execute(
        """
        CREATE TABLE found AS
        WITH RECURSIVE ways AS MATERIALIZED (SELECT a, b FROM edges UNION SELECT b, a FROM edges),
        reached (origin, one) AS (
            SELECT DISTINCT a, a FROM ways
            UNION
            SELECT origin, b FROM reached JOIN ways ON one = a
        )
        SELECT origin AS one, min(one) AS component FROM reached GROUP BY origin
        """
    )


def propagated(database: duckdb.DuckDBPyConnection) -> None:
    ends = "(SELECT label, a AS one FROM labelled UNION ALL SELECT label, b FROM labelled)"
    smallest = f"SELECT one, min(label) AS label FROM {ends} GROUP BY one"
    database.execute("CREATE TABLE labelled AS SELECT a, b, row_number() OVER () AS label FROM edges")
    changed = True
    while changed:
        database.execute(
            f"""
            CREATE OR REPLACE TABLE next AS
            WITH smallest AS MATERIALIZED ({smallest})
            SELECT a, b, least(one.label, other.label) AS label, labelled.label AS before
            FROM labelled JOIN smallest one ON one.one = a JOIN smallest other ON other.one = b
            """
        )
        (changed,) = database.execute("SELECT count(*) > 0 FROM next WHERE label <> before").fetchone() or (False,)
        database.execute("DROP TABLE labelled; ALTER TABLE next RENAME TO labelled")
    database.execute(f"CREATE TABLE found AS SELECT one, label AS component FROM ({smallest})")


def agree(ours: Labels, theirs: Labels, capped: set[object]) -> bool:
    """Whether both name the same components; of theirs that are capped, ours may be parts."""
    if ours.keys() != theirs.keys():
        return False
    pairs = {(label, theirs[one]) for one, label in ours.items()}
    whole = [other for _, other in pairs if other not in capped]
    return len({label for label, _ in pairs}) == len(pairs) and len(set(whole)) == len(whole)


def cpu(work: Callable[[], object]) -> float:
    """Seconds, of every thread of this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
