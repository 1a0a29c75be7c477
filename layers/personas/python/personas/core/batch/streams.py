"""Which rows are in a stream, as SQL, and the aggregates over streams of events that each speak for themselves.

All of these are one pass over the facts, grouped by profile. Equal conditions are looked at once per row, and equal
aggregates are kept once, whatever definitions ask for them.
"""

from collections.abc import Callable

from personas.core.batch import sql
from personas.core.batch.comparing import condition_sql
from personas.core.batch.facts import Facts
from personas.core.batch.reducing import Aggregated, Reduction, Source, reduction
from personas.core.batch.values import Constant, Operand
from personas.core.moments import HOUR
from personas.core.query.formatter import format_query
from personas.core.query.tree import Between, Condition, Field, Literal, Reduced, Scalar, Stream, Window, Within


def pairs_of(key: str, value: str, rows: str) -> str:
    """By the key, each value that is not NULL, and how often it is there; `rows` is what follows FROM."""
    return f"""SELECT p, v, count(*) AS n FROM (SELECT {key} AS p, {value} AS v FROM {rows})
        WHERE v IS NOT NULL GROUP BY p, v"""


def in_window(window: Window | None, ts: str, at: int) -> list[str]:
    """For windows that are aligned to the hour; others have none here."""
    full_hour = at // HOUR * HOUR
    match window:
        case Within(span):
            return [f"{ts} >= {full_hour - span.ms}"]
        case Between(start, end):
            return [f"{ts} >= {full_hour - end.ms}", f"{ts} < {full_hour - start.ms}"]
    return []


def is_named(facts: Facts, stream: Stream, since: int | None, alias: str) -> list[str]:
    """What is said of an event besides `where` and the window."""
    said = [f"{alias}.e = {facts.listen(stream.event)}"]
    if stream.excluded:
        said.append(f"{alias}.s NOT IN ({sql.texts(stream.excluded)})")
    return said if since is None else [*said, f"{alias}.ts >= {since}"]


def source_of(facts: Facts, reduced: Reduced, alias: str) -> Source | None:
    field = reduced.field
    if field is None:
        return None
    if reduced.reducer in ("sum", "avg"):
        facts.summed(field)
    return Source(facts.operand(field, reduced.stream.event, alias), f"{alias}.ts")


class Grouped:
    """The aggregates over the facts, by profile: the table `g`."""

    def __init__(self, facts: Facts, at: int, largest: int) -> None:
        self._facts, self._at, self._largest = facts, at, largest
        self._conditions: dict[str, str] = {}
        self._aggregates: dict[str, str] = {}
        self._derived: dict[str, str] = {}
        self._derived_of_these: dict[str, str] = {}
        self._counted: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
        """By rows and value, the pairs that are made of them: their name, and what is aggregated of them."""

    def reduction(self, reduced: Reduced, since: int | None) -> Reduction:
        stream = reduced.stream
        window = in_window(stream.window, "r.ts", self._at)
        rows = sql.all_of([self._holds(stream, since), *([self._condition(sql.all_of(window))] if window else [])])
        source = source_of(self._facts, reduced, "r")
        return reduction(reduced, source, rows, self._column, self._pairs(rows), self._largest, self._derive)

    def seen(self, stream: Stream, since: int | None) -> str:
        """Whether there was an event of the stream, in its window or not."""
        return f"coalesce({self._column(f'count(*) FILTER (WHERE {self._holds(stream, since)})')}, 0) > 0"

    @property
    def passes(self) -> int:
        """How often the facts are read."""
        return 1 + len(self._counted)

    def table(self, facts: str) -> str:
        """`facts` is the table of that name, or the SELECT that makes it."""
        marked = "".join(f", {condition} AS {name}" for condition, name in self._conditions.items())
        marked = f"(SELECT r.*{marked} FROM ({facts}) r) r"
        columns = "".join(f", {aggregate} AS {name}" for aggregate, name in self._aggregates.items())
        grouped = f"SELECT p, bool_or(wild) AS wild{columns} FROM {marked} GROUP BY p"
        joins = ""
        for (rows, value), (name, aggregates) in self._counted.items():
            of_pairs = "".join(f", {aggregate} AS {column}" for aggregate, column in aggregates.items())
            pairs = pairs_of("p", value, f"{marked} WHERE {rows}")
            joins += f" LEFT JOIN (SELECT p{of_pairs} FROM ({pairs}) GROUP BY p) {name} ON {name}.p = g.p"
        counted = "".join(f", {name}.* EXCLUDE (p)" for name, _ in self._counted.values())
        if joins:
            grouped = f"SELECT g.*{counted} FROM ({grouped}) g{joins}"
        for derived in (self._derived, self._derived_of_these):
            columns = "".join(f", {expression} AS {name}" for expression, name in derived.items())
            grouped = f"SELECT g.*{columns} FROM ({grouped}) g" if columns else grouped
        return grouped

    def _holds(self, stream: Stream, since: int | None) -> str:
        said = is_named(self._facts, stream, since, "r")
        if stream.where is not None:
            said.append(condition_sql(stream.where, event_reader(self._facts, stream.event, "r"), self._at))
        return self._condition(sql.all_of(said))

    def _condition(self, condition: str) -> str:
        return self._conditions.setdefault(condition, f"c{len(self._conditions)}")

    def _column(self, aggregate: str) -> str:
        return f"g.{self._aggregates.setdefault(aggregate, f'a{len(self._aggregates)}')}"

    def _pairs(self, rows: str) -> Callable[[str], Aggregated]:
        def of_value(value: str) -> Aggregated:
            name, aggregates = self._counted.setdefault((rows, value), (f"h{len(self._counted)}", {}))
            return lambda aggregate: f"g.{aggregates.setdefault(aggregate, f'{name}a{len(aggregates)}')}"

        return of_value

    def _derive(self, expression: str) -> str:
        """What is read of aggregates more than once, computed once."""
        derived, kind = (self._derived_of_these, "n") if "g.m" in expression else (self._derived, "m")
        return f"g.{derived.setdefault(expression, f'{kind}{len(derived)}')}"


def event_reader(facts: Facts, event: str, alias: str) -> Callable[[Scalar], Operand]:
    """Operands in the `where` of a stream of which each event speaks for itself."""

    def read(scalar: Scalar) -> Operand:
        if isinstance(scalar, Literal):
            return Operand(Constant(scalar.value))
        if isinstance(scalar, Field):
            return facts.operand(scalar, event, alias)
        raise TypeError(f"{format_query(scalar)} asks for more than the event itself")

    return read


def alone(facts: Facts, stream: Stream, settled: Condition | None, since: int | None, alias: str, at: int) -> list[str]:
    """Which rows are of the stream, as far as each event speaks for itself; `settled` is that part of its `where`."""
    said = is_named(facts, stream, since, alias)
    if settled is not None:
        said.append(condition_sql(settled, event_reader(facts, stream.event, alias), at))
    return said
