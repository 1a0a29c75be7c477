"""All definitions of a collection as one plan of SQL over the archive: the values of every profile at a moment.

The plan reads two relations that whoever runs it provides, and makes temporary tables `facts`, `g` and `q0`, `q1`, …:

- `rows` (p, event, source, type, ts, body): of each event one row for each profile p that counts it, `ts` in ms,
  `event` the name by which definitions know it, `body` the call as JSON text.
- `people` (p, traits, held): the profiles that are asked about, with their own traits as JSON text, and the types of
  their identifiers as a list.

Invariant: of a profile that is not `wild` the values are those of the stream's executor and of the oracle; of one that
is, nothing is said.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from personas.core.batch import sql
from personas.core.batch.comparing import condition_sql
from personas.core.batch.facts import Facts, json_walk
from personas.core.batch.listing import Listing
from personas.core.batch.reducing import Reduction
from personas.core.batch.streams import Grouped
from personas.core.batch.values import Constant, Double, Json, Operand, Text, Truth, Value, expression, kept_in
from personas.core.compute.monoids import LARGEST
from personas.core.compute.streams import is_listed
from personas.core.query.definition import Definition
from personas.core.query.formatter import format_query
from personas.core.query.path import EACH, Path
from personas.core.query.references import references
from personas.core.query.tree import CONDITIONS, Literal, Query, Reduced, Scalar, Trait
from personas.core.query.walking import walk
from personas.core.values import plain

Compiled = tuple[Definition, Query]


@dataclass(frozen=True, slots=True)
class Output:
    """The column of a definition's values."""

    key: str
    column: str
    kind: type[Value]

    def read(self, found: Any) -> Any:
        """The value, as the other executors say it; None where there is none."""
        if found is None or self.kind in (Text, Truth):
            return found
        return plain(found) if self.kind is Double else orjson.loads(found)


@dataclass(frozen=True, slots=True)
class Plan:
    statements: tuple[str, ...]
    """To be run in this order; the last one is the query: (p, wild, a column per output)."""
    outputs: tuple[Output, ...]


def plan(definitions: Iterable[Compiled], at: int, largest: int = LARGEST) -> Plan:
    """The definitions of one collection in the order of evaluation, at a moment in ms."""
    planner = _Planner(list(definitions), at, largest)
    return planner.plan()


class _Planner:
    def __init__(self, definitions: list[Compiled], at: int, largest: int) -> None:
        self._definitions, self._at, self._largest = definitions, at, largest
        self._facts = Facts()
        self._grouped = Grouped(self._facts, at, largest)
        self._values: dict[str, Value] = {}
        """By key, of the definitions that were compiled before: the columns in which they are."""
        self._traits: dict[Path, str] = {}
        """By path, the columns of the profile's own traits, or of what lies inside of computed ones."""

    def plan(self) -> Plan:
        stages = self._stages()
        made = [self._stage(number, stage) for number, stage in enumerate(stages)]
        statements = [*sql.create_macros(), f"CREATE OR REPLACE TEMP TABLE facts AS {self._facts_table()}"]
        statements.append(f"CREATE OR REPLACE TEMP TABLE g AS {self._grouped.table()}")
        statements.append(f"CREATE OR REPLACE TEMP TABLE q0 AS {self._people()}")
        statements += [f"CREATE OR REPLACE TEMP TABLE q{number + 1} AS {select}" for number, select in enumerate(made)]
        outputs = tuple(
            Output(definition.key, expression(self._values[definition.key]), type(self._values[definition.key]))
            for definition, _ in self._definitions
        )
        columns = "".join(f", {output.column}" for output in outputs)
        return Plan((*statements, f"SELECT p, wild{columns} FROM q{len(made)}"), outputs)

    def _stages(self) -> list[list[Compiled]]:
        """In which order tables are made: where a stream asks for a computed trait, that one is in a table before."""
        stage: dict[str, int] = {}
        for definition, tree in self._definitions:
            level = definition.collection
            inside = {key for node in walk(tree) if isinstance(node, Reduced) for _, key in references(node, level)}
            outside = {key for _, key in references(tree, level)} - inside
            stage[definition.key] = max(
                [0, *(stage[key] + 1 for key in inside & stage.keys()), *(stage[key] for key in outside & stage.keys())]
            )
        last = max(stage.values(), default=0)
        return [[one for one in self._definitions if stage[one[0].key] == number] for number in range(last + 1)]

    def _stage(self, number: int, stage: list[Compiled]) -> str:
        listing = Listing(self._facts, f"q{number}", lambda trait: self._trait(trait, "q."), self._at, self._largest)
        wild = ["q.wild", *(["coalesce(g.wild, FALSE)"] if not number else [])]
        columns = ""
        for definition, tree in stage:
            value = _Formula(definition, tree, self._grouped, listing, self._trait, self._at, wild).value()
            column = f"d{len(self._values)}"
            columns += f", {expression(value)} AS {column}"
            self._values[definition.key] = kept_in(value, column)
        wild += [f"q.p IN (SELECT p FROM {name})" for name in dict.fromkeys(listing.wild)]
        tables = ", ".join(f"{name} AS ({select})" for name, select in listing.tables.items())
        joins = "".join(f" LEFT JOIN {name} ON {name}.p = q.p" for name in listing.joined)
        return f"""{f"WITH {tables} " if tables else ""}SELECT q.* EXCLUDE (wild){columns}, {sql.any_of(wild)} AS wild
            FROM q{number} q LEFT JOIN g ON g.p = q.p{joins}"""

    def _trait(self, trait: Trait, alias: str = "") -> Operand:
        computed = self._values.get(trait.key)
        if computed is None:
            column = alias + self._traits.setdefault(trait.path, f"t{len(self._traits)}")
            return Operand(many=column) if trait.path.many else Operand(Json(column))
        value, steps = kept_in(computed, alias + expression(computed)), trait.path.steps[1:]
        if not steps:
            return Operand(value)
        walked = json_walk(value.json, steps)
        return Operand(many=walked) if EACH in steps else Operand(Json(walked))

    def _facts_table(self) -> str:
        return self._facts.table("rows", self._at)

    def _people(self) -> str:
        columns = "".join(f", {json_walk('traits', path.steps)} AS {name}" for path, name in self._traits.items())
        wild = [
            f"coalesce(list_bool_or(list_transform({name}, lambda e: is_wild(e))), FALSE)"
            if path.many
            else f"coalesce(is_wild({name}), FALSE)"
            for path, name in self._traits.items()
        ]
        return f"SELECT *, {sql.any_of(wild)} AS wild FROM (SELECT p, held{columns} FROM people)"


class _Formula:
    """One definition: from the tables of its stage to its value."""

    def __init__(
        self,
        definition: Definition,
        tree: Query,
        grouped: Grouped,
        listing: Listing,
        trait: Callable[[Trait], Operand],
        at: int,
        wild: list[str],
    ) -> None:
        self._definition, self._tree, self._since = definition, tree, definition.options.since
        self._grouped, self._listing, self._trait, self._at = grouped, listing, trait, at
        self._wild = wild

    def value(self) -> Value:
        tree = self._tree
        if isinstance(tree, CONDITIONS):
            return Truth(sql.all_of([*self._admits(), condition_sql(tree, self._operand, self._at)]))
        if isinstance(tree, Reduced):
            value, seen = self._reduced(tree), self._seen(tree)
            return kept_in(value, f"CASE WHEN {seen} THEN {expression(value)} END")
        operand = self._operand(tree)
        if operand.many is not None:
            return Json(f"({operand.many})[1]")
        return Json(operand.one.json) if isinstance(operand.one, Constant) else operand.one

    def _admits(self) -> list[str]:
        if self._definition.collection != "users":
            return []
        return [f"coalesce(list_has_any(q.held, [{sql.texts(self._definition.options.external_ids)}]), FALSE)"]

    def _operand(self, scalar: Scalar) -> Operand:
        if isinstance(scalar, Literal):
            return Operand(Constant(scalar.value))
        if isinstance(scalar, Trait):
            return self._trait(scalar)
        if not isinstance(scalar, Reduced):
            raise TypeError(f"{format_query(scalar)} has a place only inside where() or a reducer")
        return Operand(self._reduced(scalar))

    def _reduced(self, reduced: Reduced) -> Value:
        executor = self._listing if is_listed(reduced.stream) else self._grouped
        found: Reduction = executor.reduction(reduced, self._since)
        if found.wild != "FALSE":
            self._wild.append(f"coalesce({found.wild}, FALSE)")
        return found.value

    def _seen(self, reduced: Reduced) -> str:
        executor = self._listing if is_listed(reduced.stream) else self._grouped
        return executor.seen(reduced.stream, self._since)
