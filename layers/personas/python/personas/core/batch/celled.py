"""The forms of a field, as SQL, from what compaction has taken out of the calls (core/batch/cells.py).

Invariant: each is what the form of the same name is of the JSON (core/batch/facts.py), except for what is wild. Where
all of a column is of one kind, that is not asked of each row; where it has a type, nothing is cast from texts.

>>> celled_form(Cell("v0", NUMBER), "n"), celled_form(Cell("v0", DECIMAL), "n"), celled_form(Cell("v0", TEXT), "n")
('TRY_CAST(v0 AS DOUBLE)', 'v0::DOUBLE', 'NULL::DOUBLE')
>>> celled_form(Cell("v0", DECIMAL), "t")
'decimal_text(v0)'
>>> celled_form(Cell("v0", "k0"), "s")
'k0 = 1'
"""

from personas.core.batch.cells import BOOLEAN, DECIMAL, LIST, LONG, NUMBER, TEXT, TRUTH, VALUES, WILD, Cell
from personas.core.batch.values import Constant

_NUMBERS, _OTHERS = (NUMBER, LONG), (NUMBER, LONG, BOOLEAN, LIST, WILD)
_WAYS: dict[str, tuple[tuple[tuple[int, ...], str], ...]] = {
    "j": (((TEXT,), "to_json({0})::VARCHAR"), (_OTHERS, "{0}")),
    "n": ((_NUMBERS, "TRY_CAST({0} AS DOUBLE)"),),
    "d": (((NUMBER,), "TRY_CAST({0} AS DECIMAL(38, 17))"),),
    "x": ((_NUMBERS, "fraction_digits({0})"),),
    "o": (((TEXT,), "'2' || {0}"), (_OTHERS, "order_text({0})")),
    "l": (((LIST,), "json_texts({0})"),),
    "m": (((TEXT,), "text_moment({0})"),),
}
"""By form, how it is made of which kinds; of all others it is NULL of its type."""
_TYPES = {"n": "DOUBLE", "d": "DECIMAL(38, 17)", "x": "BIGINT", "l": "VARCHAR[]", "m": "BIGINT"}
_TYPED = {(DECIMAL, "n"): "{0}::DOUBLE", (DECIMAL, "d"): "{0}"}
"""What is not made of the text of a typed column."""
_TEXTS = {DECIMAL: "decimal_text({0})", TRUTH: "{0}::VARCHAR"}


def celled_form(cell: Cell, form: str) -> str:
    if form == "y":
        return f"{cell.text} IS NOT NULL"
    if isinstance(cell.kind, int) and cell.kind in VALUES:
        if (cell.kind, form) in _TYPED:
            return _TYPED[cell.kind, form].format(cell.text)
        cell = Cell(_TEXTS[cell.kind].format(cell.text), VALUES[cell.kind])
    if form == "s":
        return f"{cell.kind} = {TEXT}" if isinstance(cell.kind, str) else str(cell.kind == TEXT).upper()
    if form == "t":
        return cell.text
    ways = _WAYS[form]
    if isinstance(cell.kind, int):
        made = [way for kinds, way in ways if cell.kind in kinds]
        return made[0].format(cell.text) if made else f"NULL::{_TYPES[form]}"
    cases = " ".join(f"WHEN {_is(cell.kind, kinds)} THEN {way.format(cell.text)}" for kinds, way in ways)
    return f"CASE {cases} END"


def celled_equal(cell: Cell, constant: Constant) -> str:
    """As of texts: no decimal is so large or so small that numbers and their texts were not equal together."""
    if cell.kind == DECIMAL and constant.number is not None:
        return f"{celled_form(cell, 'n')} = {constant.number}"
    return f"{celled_form(cell, 't')} = {constant.text}"


def celled_wild(cell: Cell, summed: bool) -> str:
    """Whether the row has a value that SQL would not compute exactly."""
    kinds = (WILD, LONG) if summed else (WILD,)
    if isinstance(cell.kind, str):
        return f"coalesce({_is(cell.kind, kinds)}, FALSE)"
    return f"{cell.text} IS NOT NULL" if cell.kind in kinds else "FALSE"


def _is(column: str, kinds: tuple[int, ...]) -> str:
    return f"{column} = {kinds[0]}" if len(kinds) == 1 else f"{column} IN ({', '.join(map(str, kinds))})"
