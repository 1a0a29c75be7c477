"""A value in SQL, by what is asked of it: its text, its number, its moment. None of these is asked of SQL in vain: what
is known of a literal or of a count is not looked at again.

>>> Constant(25.0).text, Constant("25").number, Constant(True).is_text
("'25'", None, False)
>>> Double("g.a0").text, Json("t0").is_text
('number_text(g.a0)', 'ascii(t0) = 34')
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from personas.core.batch import sql
from personas.core.values import moment_of, number_of, plain, text_of


@dataclass(frozen=True, slots=True)
class Json:
    """Whatever it is: the text of its JSON."""

    json: str

    @property
    def present(self) -> str:
        return f"{self.json} IS NOT NULL"

    @property
    def text(self) -> str:
        return f"json_text({self.json})"

    @property
    def number(self) -> str | None:
        """A DOUBLE, NULL where it is none; None: it never is one."""
        return f"json_number({self.json})"

    @property
    def decimal(self) -> str:
        return f"json_decimal({self.json})"

    @property
    def order(self) -> str:
        """The text by which it sorts."""
        return f"order_text({self.json})"

    @property
    def is_text(self) -> str | bool:
        """Said at once where it is known without looking."""
        return f"ascii({self.json}) = 34"

    @property
    def texts(self) -> str | None:
        """The texts of the entries of a list, NULL where it is none; None: it never is one."""
        return f"CASE WHEN ascii({self.json}) = 91 THEN json_texts({self.json}) END"

    @property
    def moment(self) -> str | None:
        """In ms, NULL where it is no date; None: it never is one."""
        return f"CASE WHEN {self.is_text} THEN text_moment({self.text}) END"


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any

    present = "TRUE"
    texts = None

    @property
    def json(self) -> str:
        return sql.text(orjson.dumps(plain(self.value)).decode())

    @property
    def text(self) -> str:
        return sql.text(text_of(self.value))

    @property
    def number(self) -> str | None:
        number = number_of(self.value)
        return None if number is None else sql.number(number)

    @property
    def is_text(self) -> bool:
        return isinstance(self.value, str)

    @property
    def moment(self) -> str | None:
        moment = moment_of(self.value)
        return None if moment is None else str(moment)


@dataclass(frozen=True, slots=True)
class Double:
    """A number, or NULL."""

    number: str

    is_text = False
    texts = None
    moment = None

    @property
    def present(self) -> str:
        return f"{self.number} IS NOT NULL"

    @property
    def text(self) -> str:
        return f"number_text({self.number})"

    @property
    def json(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false, or NULL."""

    truth: str

    is_text = False
    texts = None
    moment = None
    number = None

    @property
    def present(self) -> str:
        return f"{self.truth} IS NOT NULL"

    @property
    def text(self) -> str:
        return f"CASE WHEN {self.truth} THEN 'true' WHEN NOT {self.truth} THEN 'false' END"

    @property
    def json(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Text:
    """A text, or NULL."""

    text: str

    is_text = True
    texts = None
    number = None

    @property
    def present(self) -> str:
        return f"{self.text} IS NOT NULL"

    @property
    def json(self) -> str:
        return f"to_json({self.text})::VARCHAR"

    @property
    def moment(self) -> str:
        return f"text_moment({self.text})"


Value = Json | Double | Truth | Text
"""What can be kept in a column. A constant need not be."""


def expression(value: Value) -> str:
    """What is to be kept."""
    match value:
        case Json(kept) | Double(kept) | Truth(kept) | Text(kept):
            return kept


def kept_in(value: Value, column: str) -> Value:
    """The same value, where it is kept in this column."""
    return type(value)(column)


@dataclass(frozen=True, slots=True)
class Operand:
    """What a comparison compares: one value, or (a path with `$`) the entries of a list of JSON texts."""

    one: Any = None
    many: str | None = None

    @property
    def present(self) -> str:
        return str(self.one.present) if self.many is None else f"coalesce(len({self.many}), 0) > 0"

    def any(self, holds: Callable[[Any], str], name: str = "v") -> str:
        """Whether it holds of one of the values; `holds` may be NULL, this is not. One `any` inside another has another
        name for its entries."""
        if self.many is None:
            return f"coalesce({holds(self.one)}, FALSE)"
        return f"coalesce(list_bool_or(list_transform({self.many}, lambda {name}: {holds(Json(name))})), FALSE)"
