"""All definitions of a collection as a plan of SQL over the archive: the values of every profile at a moment.

The plan reads relations that whoever runs it provides, and makes temporary tables where one pass is not enough:
`called` (what it asks of calls) or `facts` (of all rows), `g`, and `q0`, `q1`, …:

- `rows` (p, event, source, type, ts, body): of each event one row for each profile p that counts it, `ts` in ms,
  `event` the name by which definitions know it, `body` the call as JSON text.
- `celled` (p, event, source, ts, …), where there are cells: further rows, of which the columns that the cells name hold
  all that the definitions read (core/batch/cells.py). An event lies in one of the two.
- `people` (p, traits, held): the profiles that are asked about, with their own traits as JSON text, and the types of
  their identifiers as a list.
- where they ask others (ANY, ALL, or users an account audience): `people.linked`, how many others each is linked with,
  and `answers` (p, question, yes): how many of them say yes. All of them have answered; no row is nobody.

Invariant: of a profile that is not `wild` the values are those of the stream's executor and of the oracle; of one that
is, nothing is said.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from personas.core.batch import sql
from personas.core.batch.answering import Heard
from personas.core.batch.cells import Cells
from personas.core.batch.comparing import condition_sql
from personas.core.batch.facts import Facts, json_walk
from personas.core.batch.listing import Listing
from personas.core.batch.reducing import Reduction
from personas.core.batch.streams import Grouped
from personas.core.batch.values import Constant, Double, Json, Operand, Text, Truth, Value, expression, kept_in
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.formula import Formula
from personas.core.compute.monoids import LARGEST
from personas.core.compute.questions import Asked
from personas.core.compute.streams import is_listed
from personas.core.query.formatter import format_query
from personas.core.query.path import EACH, Path
from personas.core.query.references import references
from personas.core.query.tree import CONDITIONS, AllMembers, AnyMember, Literal, Reduced, Scalar, Trait
from personas.core.query.walking import walk
from personas.core.values import plain


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


def plan(
    definitions: DefinitionSet,
    at: int,
    collection: str = "users",
    largest: int = LARGEST,
    cells: Cells | None = None,
    calls: bool = True,
) -> Plan:
    """The definitions of one collection, at a moment in ms; of `members` also what accounts ask of them. Without
    `calls` there is nothing in `rows`, which is not read: what is known of the cells is then known of all."""
    return _Planner(definitions, at, collection, largest, cells, calls or cells is None).plan()


class _Planner:
    def __init__(
        self, definitions: DefinitionSet, at: int, collection: str, largest: int, cells: Cells | None, calls: bool
    ) -> None:
        self._cells, self._calls = cells, calls
        self._formulas, self._at, self._largest = definitions.formulas[collection], at, largest
        self._asked = definitions.asked_by(collection)
        self._heard = Heard()
        self._admitting: dict[tuple[str, ...], str] = {}
        """By the types of identifiers of which a member needs one, the columns that say whether the profile has."""
        self._listed = False
        """Whether anything asks for lists of events, and so for the table of facts."""
        self._facts = Facts(None if calls else cells)
        self._grouped = Grouped(self._facts, at, largest)
        self._values: dict[str, Value] = {}
        """By key, of the definitions that were compiled before: the columns in which they are."""
        self._traits: dict[Path, str] = {}
        """By path, the columns of the profile's own traits, or of what lies inside of computed ones."""

    def plan(self) -> Plan:
        stages = self._stages()
        made = [self._stage(number, stage) for number, stage in enumerate(stages)]
        once = self._grouped.passes > 1 and not self._listed
        statements, facts = self._facts.of_rows(self._at, self._cells, self._calls, once)
        if self._listed:
            statements.append(f"CREATE OR REPLACE TEMP TABLE facts AS {facts}")
            facts = "FROM facts"
        *earlier, last = made
        tables = {"g": self._grouped.table(facts), "q0": self._people()}
        tables |= {f"q{number + 1}": select for number, select in enumerate(earlier)}
        if earlier or self._listed:
            statements += [f"CREATE OR REPLACE TEMP TABLE {name} AS {select}" for name, select in tables.items()]
        else:  # each is read once, and need not be written down
            last = f"WITH {', '.join(f'{name} AS ({select})' for name, select in tables.items())} {last}"
        outputs = tuple(
            Output(key, expression(self._values[key]), type(self._values[key]))
            for key in (formula.definition.key for formula in self._formulas)
        )
        columns = "".join(f", {output.column}" for output in outputs)
        statements.append(f"SELECT p, wild{columns} FROM ({last})")
        return Plan((*sql.create_macros(" ".join(statements)), *statements), outputs)

    def _stages(self) -> list[list[Formula]]:
        """In which order tables are made: where a stream asks for a computed trait, that one is in a table before.

        So is what refers to others itself: the columns of one table that refer to each other are written out in each
        other wherever they are mentioned, which in a long chain of them would be more than can be planned.
        """
        stage: dict[str, int] = {}
        refers: set[str] = set()
        for formula in self._formulas:
            tree, level = formula.tree, formula.definition.collection
            inside = {key for node in walk(tree) if isinstance(node, Reduced) for _, key in references(node, level)}
            outside = {key for of, key in references(tree, level) if of == level} - inside
            before = (inside | (outside & refers)) & stage.keys()
            stage[formula.definition.key] = max(
                [0, *(stage[key] + 1 for key in before), *(stage[key] for key in outside & stage.keys())]
            )
            if outside & stage.keys():
                refers.add(formula.definition.key)
        last = max(stage.values(), default=0)
        return [[one for one in self._formulas if stage[one.definition.key] == number] for number in range(last + 1)]

    def _stage(self, number: int, stage: list[Formula]) -> str:
        listing = Listing(self._facts, f"q{number}", lambda trait: self._trait(trait, "q."), self._at, self._largest)
        wild = ["q.wild", *(["coalesce(g.wild, FALSE)"] if not number else [])]
        columns = ""
        for formula in stage:
            value = _Reader(
                formula, self._grouped, listing, self._trait, self._heard, self._admitting, self._at, wild
            ).value()
            column = f"d{len(self._values)}"
            columns += f", {expression(value)} AS {column}"
            self._values[formula.definition.key] = kept_in(value, column)
        wild += [f"q.p IN (SELECT p FROM {name})" for name in dict.fromkeys(listing.wild)]
        tables = ", ".join(f"{name} AS ({select})" for name, select in listing.tables.items())
        self._listed |= bool(tables)
        joins = "".join(f" LEFT JOIN {name} ON {name}.p = q.p" for name in listing.joined)
        return f"""{f"WITH {tables} " if tables else ""}SELECT q.* EXCLUDE (wild){columns}, {sql.any_of(wild)} AS wild
            FROM q{number} q LEFT JOIN g ON g.p = q.p{joins}"""

    def _trait(self, trait: Trait, alias: str = "") -> Operand:
        computed, question = self._values.get(trait.key), self._asked.get(trait.key)
        if computed is None and question is None:
            column = alias + self._traits.setdefault(trait.path, f"t{len(self._traits)}")
            return Operand(many=column) if trait.path.many else Operand(Json(column))
        if computed is None:
            value: Value = Truth(f"({self._heard.some(str(question), alias)})")
        else:
            value = kept_in(computed, alias + expression(computed))
        steps = trait.path.steps[1:]
        if not steps:
            return Operand(value)
        walked = json_walk(value.json, steps)
        return Operand(many=walked) if EACH in steps else Operand(Json(walked))

    def _people(self) -> str:
        columns = "".join(f", {json_walk('traits', path.steps)} AS {name}" for path, name in self._traits.items())
        wild = [
            f"coalesce(list_bool_or(list_transform({name}, lambda e: is_wild(e))), FALSE)"
            if path.many
            else f"coalesce(is_wild({name}), FALSE)"
            for path, name in self._traits.items()
        ]
        heard = self._heard.columns("people")
        columns += "".join(
            f", coalesce(list_has_any(held, [{sql.texts(asked)}]), FALSE) AS {name}"
            for asked, name in self._admitting.items()
        )
        return f"SELECT *, {sql.any_of(wild)} AS wild FROM (SELECT p{heard}{columns} FROM people)"


class _Reader:
    """One definition: from the tables of its stage to its value."""

    def __init__(
        self,
        formula: Formula,
        grouped: Grouped,
        listing: Listing,
        trait: Callable[[Trait], Operand],
        heard: Heard,
        admitting: dict[tuple[str, ...], str],
        at: int,
        wild: list[str],
    ) -> None:
        self._definition, self._tree, self._since = formula.definition, formula.tree, formula.since
        self._questions = {condition: question for question, condition in formula.asks.items()}
        self._grouped, self._listing, self._trait, self._at = grouped, listing, trait, at
        self._heard, self._admitting, self._wild = heard, admitting, wild

    def value(self) -> Value:
        tree = self._tree
        if isinstance(tree, CONDITIONS):
            return Truth(sql.all_of([*self._admits(), condition_sql(tree, self._operand, self._at, self._ask)]))
        if isinstance(tree, Reduced):
            value, seen = self._reduced(tree), self._seen(tree)
            return kept_in(value, f"CASE WHEN {seen} THEN {expression(value)} END")
        operand = self._operand(tree)
        if operand.many is not None:
            return Json(f"({operand.many})[1]")
        return Json(operand.one.json) if isinstance(operand.one, Constant) else operand.one

    def _admits(self) -> list[str]:
        if self._definition.collection != "users" or self._definition.kind != "audience":
            return []
        asked = self._definition.options.external_ids
        return [f"q.{self._admitting.setdefault(asked, f'n{len(self._admitting)}')}"]

    def _ask(self, quantified: AnyMember | AllMembers) -> str:
        asked = Asked.of(quantified)
        return self._heard.holds(asked, self._questions[asked.condition])

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
