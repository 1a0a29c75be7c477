"""Streams of events that do not speak for themselves alone, as SQL: funnels, sessions, conditions on traits or on now.

A child's events depend on their parent only by their time and by what their `where` says of the parent, so that the
children of a child are found once for each event of the child, whatever parent looks at it: each level is one join of
the facts with themselves, and none lies inside another.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from personas.core.batch import sql
from personas.core.batch.comparing import condition_sql
from personas.core.batch.facts import Facts
from personas.core.batch.reducing import Reduction, reduction
from personas.core.batch.streams import alone, in_window, pairs_of, source_of
from personas.core.batch.values import Constant, Operand, expression, kept_in
from personas.core.compute.streams import SESSION_LOOKS_BACK, split
from personas.core.moments import HOUR
from personas.core.query.tree import (
    And,
    BetweenParent,
    Comparison,
    Condition,
    Field,
    Literal,
    Not,
    Or,
    Reduced,
    Scalar,
    Session,
    Stream,
    Trait,
    WithinParent,
)


class Listing:
    """Collects the common table expressions of one statement. `people` is the table of the profiles, in which `trait`
    finds the operands by the alias `q`."""

    def __init__(self, facts: Facts, people: str, trait: Callable[[Trait], Operand], at: int, largest: int) -> None:
        self._facts, self._people, self._trait, self._at, self._largest = facts, people, trait, at, largest
        self._reductions: dict[tuple[Reduced, int | None], Reduction] = {}
        self.tables: dict[str, str] = {}
        """By name, in the order in which they refer to each other."""
        self.wild: list[str] = []
        """Names of those that hold profiles of which something is not exact."""
        self.joined: list[str] = []
        """Names of those with one row per profile, as far as there are events."""

    def reduction(self, reduced: Reduced, since: int | None) -> Reduction:
        found = self._reductions.get((reduced, since))
        if found is None:
            found = self._reductions[reduced, since] = self._reduction(reduced, since)
        return found

    def _reduction(self, reduced: Reduced, since: int | None) -> Reduction:
        stream, events, children = reduced.stream, *self._events(reduced.stream, since)
        _, open_ = split(stream.where)
        rows = self._held(stream, events, children, open_)
        columns, source = self._columns(), source_of(self._facts, reduced, "x")
        found = reduction(reduced, source, "TRUE", columns, columns.of_pairs, self._largest)
        self.tables[columns.name] = columns.table("p", f"{rows} x")
        self.joined.append(columns.name)
        return found

    def seen(self, stream: Stream, since: int | None) -> str:
        settled, _ = split(stream.where)
        said = sql.all_of(alone(self._facts, stream, settled, since, "x", self._at))
        name = self._add(f"SELECT x.p, TRUE AS seen FROM facts x WHERE {said} GROUP BY x.p")
        if name not in self.joined:
            self.joined.append(name)
        return f"coalesce({name}.seen, FALSE)"

    def _events(self, stream: Stream, since: int | None) -> tuple[str, dict[Reduced, Reduction]]:
        """The table of the stream's events that are in reach, with what is asked of the children of each."""
        settled, open_ = split(stream.where)
        said = alone(self._facts, stream, settled, since, "x", self._at) + self._in_reach(stream)
        events = self._add(f"SELECT x.rowid AS id, x.* FROM facts x WHERE {sql.all_of(said)}")
        most = self._largest
        self.wild.append(self._add(f"SELECT x.p FROM {events} x GROUP BY x.p HAVING count(*) > {most}"))
        children: dict[Reduced, Reduction] = {}
        joins = ""
        for child in _children(open_):
            if child not in children:
                name, children[child] = self._of_parents(stream, events, child, since)
                joins += f" LEFT JOIN {name} ON {name}.id = x.id"
        if not children:
            return events, children
        # What is read of the children is a column of the parent's, so that it is computed once for each.
        columns = ""
        for place, (child, found) in enumerate(children.items()):
            prefix = f"{events}k{place}"
            columns += f", {expression(found.value)} AS {prefix}, coalesce({found.wild}, FALSE) AS {prefix}w"
            children[child] = Reduction(kept_in(found.value, prefix), f"{prefix}w")
        joined = self._add(f"SELECT x.*{columns} FROM {events} x{joins}")
        guards = " OR ".join(f"x.{found.wild}" for found in children.values())
        self.wild.append(self._add(f"SELECT x.p FROM {joined} x WHERE {guards} GROUP BY x.p"))
        return joined, children

    def _of_parents(self, parent: Stream, parents: str, child: Reduced, since: int | None) -> tuple[str, Reduction]:
        """What is reduced of the child's events after each event of the parent's."""
        stream, events, children = child.stream, *self._events(child.stream, since)
        _, open_ = split(stream.where)
        said = ["y.p = x.p", "y.ts > x.ts", *_after_parent(stream)]
        people = ""
        if open_ is not None:
            said.append(condition_sql(open_, self._reader(stream, children, "y", parent, "x"), self._at))
            people = f" JOIN {self._people} q ON q.p = y.p"
        columns, source = self._columns(), source_of(self._facts, child, "y")
        found = reduction(child, source, "TRUE", columns, columns.of_pairs, self._largest)
        joined = f"{parents} x JOIN {events} y ON {' AND '.join(said[:3])}{people}"
        self.tables[columns.name] = columns.table("id", f"{joined} WHERE {sql.all_of(said[3:])}")
        return columns.name, found

    def _held(self, stream: Stream, events: str, children: dict[Reduced, Reduction], open_: Condition | None) -> str:
        """The table of the events that are in the stream."""
        if open_ is not None:
            holds = condition_sql(open_, self._reader(stream, children, "x"), self._at)
            events = self._add(f"SELECT x.* FROM {events} x JOIN {self._people} q ON q.p = x.p WHERE {holds}")
        if not isinstance(stream.window, Session):
            return events
        pause, latest_first = stream.window.pause.ms, "OVER (PARTITION BY x.p ORDER BY x.ts DESC)"
        gaps = self._add(
            f"SELECT x.*, lag(x.ts, 1, {self._at}) {latest_first} - x.ts >= {pause} AS gap FROM {events} x"
        )
        counted = self._add(f"SELECT x.*, count_if(x.gap) {latest_first} AS gaps FROM {gaps} x")
        return self._add(f"SELECT x.* EXCLUDE (gap, gaps) FROM {counted} x WHERE x.gaps = 0")

    def _in_reach(self, stream: Stream) -> list[str]:
        if isinstance(stream.window, Session):
            back = max(SESSION_LOOKS_BACK, 2 * stream.window.pause.ms)
            return [f"x.ts >= {self._at // HOUR * HOUR - back}"]
        return in_window(stream.window, "x.ts", self._at)

    def _reader(
        self,
        stream: Stream,
        children: dict[Reduced, Reduction],
        alias: str,
        parent: Stream | None = None,
        parents: str = "",
    ) -> Callable[[Scalar], Operand]:
        def read(scalar: Scalar) -> Operand:
            match scalar:
                case Literal(value):
                    return Operand(Constant(value))
                case Trait():
                    return self._trait(scalar)
                case Field():
                    if not scalar.parent:
                        return self._facts.operand(scalar, stream.event, alias)
                    if parent is None:
                        raise TypeError("only a funnel's child has a parent")
                    return self._facts.operand(replace(scalar, parent=False), parent.event, parents)
            of_child = children[scalar].value
            return Operand(kept_in(of_child, f"{alias}.{expression(of_child)}"))

        return read

    def _add(self, select: str) -> str:
        """The name of the table: what was said before is not said again."""
        for name, said in self.tables.items():
            if said == select:
                return name
        name = f"l{len(self.tables)}"
        self.tables[name] = select
        return name

    def _columns(self) -> "_Columns":
        self.tables[name := f"l{len(self.tables)}"] = ""
        return _Columns(name)


class _Columns:
    """What is aggregated in a table of this name: of rows, or of pairs that are made of these."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._aggregates: dict[str, str] = {}
        self._value: str | None = None

    def __call__(self, aggregate: str) -> str:
        return f"{self.name}.{self._aggregates.setdefault(aggregate, f'{self.name}a{len(self._aggregates)}')}"

    def of_pairs(self, value: str) -> "_Columns":
        self._value = value
        return self

    def table(self, key: str, rows: str) -> str:
        """The key is a column of `x`; `rows` is what follows FROM."""
        columns = "".join(f", {found} AS {column}" for found, column in self._aggregates.items())
        if self._value is None:
            return f"SELECT x.{key}{columns} FROM {rows} GROUP BY x.{key}"
        return f"SELECT p AS {key}{columns} FROM ({pairs_of(f'x.{key}', self._value, rows)}) GROUP BY p"


def _children(condition: Condition | None) -> Iterator[Reduced]:
    """The reduced streams that the condition compares, not those inside of them."""
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _children(part)
        case Not(part):
            yield from _children(part)
        case Comparison():
            yield from (each for each in (condition.subject, *condition.arguments) if isinstance(each, Reduced))


def _after_parent(stream: Stream) -> list[str]:
    match stream.window:
        case WithinParent(duration):
            return [f"y.ts <= x.ts + {duration.ms}"]
        case BetweenParent(start, end):
            return [f"y.ts BETWEEN x.ts + {start.ms + 1} AND x.ts + {end.ms}"]
    return ["TRUE"]
