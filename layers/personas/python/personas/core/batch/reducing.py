"""Reducers as SQL: what is aggregated of the rows, and how the value is read from it.

>>> from personas.core.query.tree import Reduced, Stream
>>> read = reduction(Reduced(Stream("A"), "count"), None, "TRUE", lambda aggregate: f"g.[{aggregate}]", 10_000)
>>> read.value.number
'coalesce(g.[count(*) FILTER (WHERE TRUE)], 0)::DOUBLE'
"""

from collections.abc import Callable
from dataclasses import dataclass

from personas.core.batch.values import Double, Json, Operand, Text, Value
from personas.core.compute.reading import LEAST_FREQUENCY
from personas.core.query.tree import Reduced

Aggregated = Callable[[str], str]
"""From an aggregate function over rows to the column in which its result is."""


@dataclass(frozen=True, slots=True)
class Reduction:
    value: Value
    wild: str = "FALSE"
    """Whether the value of a profile is not exact."""


@dataclass(frozen=True, slots=True)
class Source:
    """The field that is reduced, and when it happened."""

    operand: Operand
    ts: str


def reduction(
    reduced: Reduced,
    source: Source | None,
    rows: str,
    column: Aggregated,
    largest: int,
    derive: Callable[[str], str] = str,
) -> Reduction:
    """`rows` is the condition of the rows in the stream; at most `largest` distinct values are kept; `derive` finds the
    column of an expression that is read more than once, or gives the expression itself."""
    if source is None:
        return Reduction(Double(f"coalesce({column(f'count(*) FILTER (WHERE {rows})')}, 0)::DOUBLE"))
    operand = source.operand

    def aggregate(function: str, argument: str, of: str | None = None) -> str:
        """Of the rows in which the argument, or `of`, is something: only lists would take what is nothing."""
        something = f" AND {of or argument} IS NOT NULL" if of or function == "list" else ""
        return column(f"{function}({argument}) FILTER (WHERE {rows}{something})")

    match reduced.reducer:
        case "sum":
            return _exact(f"coalesce({aggregate('sum', _decimal(operand))}, 0)", "decimal_number({})")
        case "avg":
            total = aggregate("sum", _decimal(operand))
            count = aggregate("sum", _count(operand)) if operand.many else aggregate("count", _decimal(operand))
            mean = derive(f"mean({total}, {count})")
            wild = f"{total} IS NOT NULL AND ({mean} IS NULL OR (abs({mean}) < 0.0001 AND {mean} <> 0))"
            return Reduction(Double(mean), wild)
        case "min" | "max":
            if reduced.reads == "string":
                return Reduction(Text(aggregate(reduced.reducer, _best(operand, reduced.reducer, "json_text({})"))))
            return Reduction(Double(aggregate(reduced.reducer, _best(operand, reduced.reducer, "json_number({})"))))
        case "first" | "last":
            pick = "min" if reduced.reducer == "first" else "max"
            best = _best(operand, pick, "order_text({})")
            # Texts are compared in a fraction of the time that structs take; made only where there is something.
            key = f"moment_text({source.ts}) || {best}"
            found = column(f"{pick}(CASE WHEN {rows} AND {operand.present} THEN {key} END)")
            return Reduction(Json(f"of_order_text({found})"))
        case "mode":
            return _mode(reduced, source, aggregate, largest)
    listed = _listed(operand)
    found = aggregate("list", listed, None if operand.many is None else f"nullif(len({listed}), 0)")
    found = found if operand.many is None else f"flatten({found})"
    wild = _too_many(found, largest)
    if reduced.reducer == "unique_count":
        return Reduction(Double(f"coalesce(list_unique({found}), 0)::DOUBLE"), wild)
    return Reduction(Json(f"CASE WHEN len({found}) > 0 THEN list_json(sorted_json({found})) END"), wild)


def _mode(reduced: Reduced, source: Source, aggregate: Callable[..., str], largest: int) -> Reduction:
    operand = source.operand
    minimum = LEAST_FREQUENCY if reduced.minimum is None else reduced.minimum
    if reduced.reads == "array" and operand.many is not None:
        found = aggregate("list", f"list_json({operand.many})", f"nullif(len({operand.many}), 0)")
        wild = f"list_bool_or(list_transform({found}, lambda e: is_wild(e)))"
        wild = f"coalesce({wild}, FALSE) OR {_too_many(found, largest)}"
        return Reduction(Text(f"most_frequent({found}, {minimum})"), wild)
    numbers = reduced.reads == "number"
    if operand.many is None:
        found = aggregate("list", operand.one.text, operand.one.number if numbers else None)
    else:
        texts = operand.many
        texts = f"list_filter({texts}, lambda e: is_number(e))" if numbers else texts
        texts = f"list_transform({texts}, lambda e: json_text(e))"
        found = f"flatten({aggregate('list', texts, f'nullif(len({texts}), 0)')})"
    most = f"most_frequent({found}, {minimum})"
    return Reduction(Double(f"TRY_CAST({most} AS DOUBLE)") if numbers else Text(most), _too_many(found, largest))


def _too_many(found: str, largest: int) -> str:
    return f"CASE WHEN len({found}) > {largest} THEN list_unique({found}) > {largest} ELSE FALSE END"


def _exact(total: str, number: str) -> Reduction:
    small = f"(abs({total}) < 0.0001 AND {total} <> 0)"
    return Reduction(Double(number.format(total)), f"abs({total}) >= 9e15 OR {small}")


def _decimal(operand: Operand) -> str:
    if operand.many is None:
        return str(operand.one.decimal)
    return f"list_sum(list_transform({operand.many}, lambda e: json_decimal(e)))"


def _count(operand: Operand) -> str:
    return f"nullif(len(list_filter({operand.many}, lambda e: is_number(e))), 0)"


def _best(operand: Operand, pick: str, form: str) -> str:
    """The value of a row in this form, or of its entries the first or the last one."""
    if operand.many is not None:
        return f"list_{pick}(list_transform({operand.many}, lambda e: {form.format('e')}))"
    forms = {"json_text({})": "text", "json_number({})": "number", "order_text({})": "order"}
    return str(getattr(operand.one, forms[form]))


def _listed(operand: Operand) -> str:
    return str(operand.one.json) if operand.many is None else str(operand.many)
