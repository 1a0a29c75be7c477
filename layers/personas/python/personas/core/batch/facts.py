"""The table of facts: one row per event that a definition looks at, with just the columns that are asked for.

What definitions read is taken out of the JSON once, however many of them read it, and in the forms in which they do: a
field's JSON, its text, its number, its moment. Of an event only those paths are looked for that somebody asks of
events of its name. A row says whether one of its values is wild.

Where compaction has taken out all that is asked (core/batch/cells.py), the forms are made of its columns instead, and
the calls themselves are not read. Rows of either sort are facts alike.
"""

from dataclasses import dataclass

from personas.core.batch import sql
from personas.core.batch.celled import celled_equal, celled_form, celled_wild
from personas.core.batch.cells import TEXT, Cells
from personas.core.batch.values import Constant, Operand
from personas.core.event import VIEWS
from personas.core.query.path import EACH
from personas.core.query.tree import Field

Steps = tuple[str | None, ...]

_FORMS = {
    "j": "{0}",
    "y": "{0} IS NOT NULL",
    "s": "ascii({0}) = 34",
    "t": "json_text({0})",
    "n": "json_number({0})",
    "d": "json_decimal({0})",
    "x": "CASE WHEN is_number({0}) THEN fraction_digits({0}) END",
    "o": "order_text({0})",
    "l": "CASE WHEN ascii({0}) = 91 THEN json_texts({0}) END",
    "m": "CASE WHEN ascii({0}) = 34 THEN text_moment(json_text({0})) END",
}
"""Of a value's JSON: itself, whether there is any, whether it is a text, its text, its number, its decimal, how many
digits of its fraction are written, the text by
which it sorts, the texts of its entries, the moment that it names."""
_NAMED = {name: (kind, key) for kind, (name, key) in VIEWS.items()}
"""By the name of the event: the kind of call, and the property that stands for the call's `name`."""


class Facts:
    """Collects what is asked for; the SELECTs are right once all has been asked. `alone`: the cells, where all rows are
    read of them and none of its call."""

    def __init__(self, alone: Cells | None = None) -> None:
        self._alone = alone or {}
        self.events: dict[str, list[Steps]] = {}
        """By name of event, the simple beginnings of the paths that are looked for in the body."""
        self._fields: dict[Field, dict[str, Steps]] = {}
        self._asked: dict[tuple[Field, str], str] = {}
        self._compared: dict[tuple[Field, str], tuple[str, Constant]] = {}
        """By field and JSON of what it is compared with (True is equal to 1, and their JSON is not)."""
        self._summed: set[Field] = set()

    def listen(self, event: str) -> int:
        """The number that stands for the name: rows are asked for it often."""
        self.events.setdefault(event, [])
        return list(self.events).index(event)

    def operand(self, field: Field, event: str, alias: str) -> Operand:
        """A field of the events of this name, in rows of this alias."""
        self.listen(event)
        steps = ("properties" if field.place == "property" else "context", *field.path.steps)
        self._fields.setdefault(field, {})[event] = steps
        if not field.path.many:
            return Operand(Column(self, field, alias))
        return Operand(many=f"{alias}.{self.form(field, 'j')}")

    def summed(self, field: Field) -> None:
        """Rows in which it cannot be added exactly are wild."""
        self._summed.add(field)

    def form(self, field: Field, form: str) -> str:
        return self._asked.setdefault((field, form), f"f{self._number(field)}{form}")

    def equal(self, field: Field, constant: Constant) -> str:
        """The column that says whether the field is equal to it."""
        name = f"f{self._number(field)}e{len(self._compared)}"
        return self._compared.setdefault((field, constant.json), (name, constant))[0]

    def is_text(self, field: Field) -> bool:
        """Whether it is known that all that is found there are texts."""
        return field in self._alone and self._alone[field].kind == TEXT and not field.path.many

    def _heard(self, relation: str, at: int, columns: str) -> str:
        names = sql.texts(tuple(self.events))
        numbers = " ".join(f"WHEN {sql.text(event)} THEN {self.listen(event)}" for event in self.events)
        return f"""SELECT p, {f"(CASE event {numbers} END)::SMALLINT" if numbers else "0"} AS e, source, ts{columns}
            FROM {relation} WHERE {f"event IN ({names})" if names else "FALSE"} AND ts <= {at}"""

    def of_rows(self, at: int, cells: Cells | None, calls: bool, once: bool) -> tuple[list[str], str]:
        """What is to be run first, and the SELECT of the facts of all rows. `calls`: whether `rows` is read; `once`:
        into a table, as the facts are read several times. Columns are read again, which is cheap."""
        first: list[str] = []
        selects: list[str] = []
        if calls and once:
            first.append(f"CREATE OR REPLACE TEMP TABLE called AS {self.of_calls(at)}")
            selects.append("FROM called")
        elif calls:
            selects.append(self.of_calls(at))
        if cells is not None:
            selects.append(self.of_cells(at, cells))
        return first, " UNION ALL ".join(selects)

    def of_cells(self, at: int, cells: Cells) -> str:
        """The SELECT over `celled`."""
        forms = {
            name: cells[field].text if field.path.many else celled_form(cells[field], form)
            for (field, form), name in self._asked.items()
        }
        forms |= {name: celled_equal(cells[field], one) for (field, _), (name, one) in self._compared.items()}
        asked = "".join(f", {form} AS {name}" for name, form in forms.items())
        tests = [celled_wild(cells[field], field in self._summed) for field in self._fields]
        wild = sql.any_of([test for test in tests if test != "FALSE"])
        columns = {cells[field].text: None for field in self._fields}
        columns |= {str(cells[field].kind): None for field in self._fields if isinstance(cells[field].kind, str)}
        heard = self._heard("celled", at, "".join(f", {column}" for column in columns))
        return f"SELECT p, e, source AS s, ts{asked}, {wild} AS wild FROM ({heard})"

    def of_calls(self, at: int) -> str:
        """The SELECT over `rows`."""
        heard = self._heard("rows", at, ", type, body")
        inner = f"SELECT p, e, source AS s, ts, type, {self._looked_for()} AS js FROM ({heard})"
        found = "".join(f", {self._found(field)} AS r{self._number(field)}" for field in self._fields)
        asked = "".join(f", {self._form(*key)} AS {name}" for key, name in self._asked.items())
        asked += "".join(
            f", {self._form(field, 't')} = {one.text} AS {name}" for (field, _), (name, one) in self._compared.items()
        )
        return f"SELECT p, e, s, ts{asked}, {self._any_wild()} AS wild FROM (SELECT p, e, s, ts{found} FROM ({inner}))"

    def _number(self, field: Field) -> int:
        return list(self._fields).index(field)

    def _looked_for(self) -> str:
        """One list per event, of what is found at each of its paths."""
        for event in self.events:
            for steps in (found[event] for found in self._fields.values() if event in found):
                self._place(event, _simple(steps)[0])
                if _is_view(event, steps):
                    self._place(event, ("properties", str(steps[1])))
                    self._place(event, _simple(("name", *steps[2:]))[0])
        cases = [
            f"WHEN {self.listen(event)} THEN json_extract(body, [{', '.join(map(_json_path, paths))}])"
            for event, paths in self.events.items()
            if paths
        ]
        return f"CASE e {' '.join(cases)} END" if cases else "NULL::JSON[]"

    def _place(self, event: str, simple: Steps) -> str:
        paths = self.events[event]
        if simple not in paths:
            paths.append(simple)
        return f"js[{paths.index(simple) + 1}]"

    def _found(self, field: Field) -> str:
        """The value as JSON text, or with `$` the list of them; never null, never the text of null."""
        form = "plain_json(nullif(({0})::VARCHAR, 'null'))"
        if field.path.many:
            form = "list_filter(({0})::VARCHAR[], lambda e: e IS NOT NULL AND e <> 'null')"
        cases = " ".join(
            f"WHEN {self.listen(event)} THEN {form.format(self._walked(event, steps))}"
            for event, steps in self._fields[field].items()
        )
        return f"CASE e {cases} END"

    def _walked(self, event: str, steps: Steps) -> str:
        simple, rest = _simple(steps)
        found = _walk(self._place(event, simple), rest)
        if not _is_view(event, steps):
            return found
        kind, key = _NAMED[event]
        simple, rest = _simple(("name", *steps[2:]))
        of_call = _walk(self._place(event, simple), rest)
        hidden = f"type = {sql.text(kind)} AND {self._place(event, ('properties', key))} IS NULL"
        return f"CASE WHEN {hidden} THEN {of_call} ELSE {found} END"

    def _form(self, field: Field, form: str) -> str:
        found = f"r{self._number(field)}"
        if field.path.many:
            return f"list_transform({found}, lambda e: plain_json(e))"
        return _FORMS[form].format(found)

    def _any_wild(self) -> str:
        """Whether a value of the row is; only those are looked at that its event has."""
        cases = ""
        for event in self.events:
            tests = [f"coalesce({self._wild(field)}, FALSE)" for field, of in self._fields.items() if event in of]
            cases += f"WHEN {self.listen(event)} THEN {sql.any_of(tests)} " if tests else ""
        return f"CASE e {cases}ELSE FALSE END" if cases else "FALSE"

    def _wild(self, field: Field) -> str:
        found = f"r{self._number(field)}"
        tests = ["is_wild"] + (["is_unsummable"] if field in self._summed else [])
        if not field.path.many:
            return " OR ".join(f"{test}({found})" for test in tests)
        each = " OR ".join(f"{test}(plain_json(e))" for test in tests)
        return f"list_bool_or(list_transform({found}, lambda e: {each}))"


@dataclass(frozen=True, slots=True)
class Column:
    """A field as a value; what is asked of it becomes a column of the facts."""

    facts: Facts
    field: Field
    alias: str

    def _form(self, form: str) -> str:
        return f"{self.alias}.{self.facts.form(self.field, form)}"

    def equals(self, constant: Constant) -> str:
        return f"{self.alias}.{self.facts.equal(self.field, constant)}"

    @property
    def always_text(self) -> bool:
        return self.facts.is_text(self.field)

    @property
    def json(self) -> str:
        return self._form("j")

    @property
    def present(self) -> str:
        return self._form("y")

    @property
    def text(self) -> str:
        return self._form("t")

    @property
    def number(self) -> str:
        return self._form("n")

    @property
    def decimal(self) -> str:
        self.facts.summed(self.field)
        return self._form("d")

    @property
    def digits(self) -> str:
        return self._form("x")

    @property
    def order(self) -> str:
        return self._form("o")

    @property
    def is_text(self) -> str:
        return self._form("s")

    @property
    def texts(self) -> str:
        return self._form("l")

    @property
    def moment(self) -> str:
        return self._form("m")


def json_walk(found: str, steps: Steps) -> str:
    """What the steps lead to from a JSON text: a JSON text, or with `$` a list of them; none of them null."""
    reached = _walk(f"{found}::JSON", steps)
    if EACH not in steps:
        return f"plain_json(nullif({reached}::VARCHAR, 'null'))"
    entries = f"list_filter({reached}::VARCHAR[], lambda e: e IS NOT NULL AND e <> 'null')"
    return f"list_transform({entries}, lambda e: plain_json(e))"


def _is_view(event: str, steps: Steps) -> bool:
    return event in _NAMED and steps[:2] == ("properties", _NAMED[event][1])


def _simple(steps: Steps) -> tuple[Steps, Steps]:
    """The beginning that a JSON path can say, and the rest."""
    for place, step in enumerate(steps):
        if step is EACH or any(char in '"\\*' for char in step):
            return steps[:place], steps[place:]
    return steps, ()


def _json_path(steps: Steps) -> str:
    return sql.text("$" + "".join(f'."{step}"' for step in steps))


def _walk(found: str, steps: Steps) -> str:
    many = False
    for step in steps:
        each = "json_extract({0}, '$[*]')" if step is EACH else _member(str(step))
        if not many:
            found = each.format(found)
        elif step is EACH:
            found = f"flatten(list_transform({found}, lambda e: {each.format('e')}))"
        else:
            found = f"list_transform({found}, lambda e: {each.format('e')})"
        many = many or step is EACH
    return found


def _member(step: str) -> str:
    """Of an object only: a pointer would also count the entries of a list."""
    pointer = "/" + step.replace("~", "~0").replace("/", "~1")
    escaped = sql.text(pointer).replace("{", "{{").replace("}", "}}")
    return f"CASE WHEN json_type({{0}}) = 'OBJECT' THEN json_extract({{0}}, {escaped}) END"
