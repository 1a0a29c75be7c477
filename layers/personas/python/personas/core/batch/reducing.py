"""Reducers as SQL: what is aggregated of the rows, and how the value is read from it.

>>> from personas.core.query.tree import Reduced, Stream
>>> column = lambda aggregate: f"g.[{aggregate}]"
>>> read = reduction(Reduced(Stream("A"), "count"), None, "TRUE", column, lambda value: column, 10_000)
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
    pairs: Callable[[str], Aggregated],
    largest: int,
    derive: Callable[[str], str] = str,
) -> Reduction:
    """`rows` is the condition of the rows in the stream; at most `largest` distinct values are kept. `pairs` makes of
    these rows each value `v` of an expression that is not NULL, and how often it is there, `n`; what it answers leads
    from an aggregate of these to its column. `derive` finds the column of an expression that is read more than once, or
    gives the expression itself."""
    if source is None:
        return Reduction(Double(f"coalesce({column(f'count(*) FILTER (WHERE {rows})')}, 0)::DOUBLE"))
    operand = source.operand
    plain = operand.many is None and operand.one.always_text
    # Then it sorts as it is.

    def aggregate(function: str, argument: str) -> str:
        return column(f"{function}({argument}) FILTER (WHERE {rows})")

    match reduced.reducer:
        case "sum":
            total = derive(f"decimal_number({aggregate('sum', decimal_of(operand))})")
            wild = f"abs({total}) >= 9e15 OR (abs({total}) < 0.0001 AND {total} <> 0)"
            return Reduction(Double(f"coalesce({total}, 0)"), wild)
        case "avg":
            total = aggregate("sum", decimal_of(operand))
            count = aggregate("sum", count_of(operand)) if operand.many else aggregate("count", decimal_of(operand))
            mean = derive(f"mean({total}, {derive(f'decimal_number({total})')}, {count})")
            wild = f"{total} IS NOT NULL AND ({mean} IS NULL OR (abs({mean}) < 0.0001 AND {mean} <> 0))"
            return Reduction(Double(mean), wild)
        case "min" | "max":
            if reduced.reads == "string":
                return Reduction(Text(aggregate(reduced.reducer, best_of(operand, reduced.reducer, "json_text({})"))))
            return Reduction(Double(aggregate(reduced.reducer, best_of(operand, reduced.reducer, "json_number({})"))))
        case "first" | "last":
            pick = "min" if reduced.reducer == "first" else "max"
            best = operand.one.text if plain else best_of(operand, pick, "order_text({})")
            # Texts are compared in a fraction of the time that structs take; made only where there is something.
            key = f"moment_text({source.ts}) || {best}"
            found = column(f"{pick}(CASE WHEN {rows} AND {operand.present} THEN {key} END)")
            return Reduction(Text(f"{found}[17:]") if plain else Json(f"of_order_text({found}[17:])"))
        case "mode":
            return _mode(reduced, operand, pairs, largest)
    if operand.many is None:
        of_pairs = pairs(operand.one.text if plain else operand.one.order)
    else:
        of_pairs = pairs(each_of(operand, "order_text(e)"))
    wild = _too_many(of_pairs, largest)
    if reduced.reducer == "unique_count":
        return Reduction(Double(f"coalesce({of_pairs('count(*)')}, 0)::DOUBLE"), wild)
    back = "to_json(e)::VARCHAR" if plain else "of_order_text(e)"
    in_order = f"list_transform({of_pairs('list(v ORDER BY v)')}, lambda e: {back})"
    return Reduction(Json(f"list_json({in_order})"), wild)


def _mode(reduced: Reduced, operand: Operand, pairs: Callable[[str], Aggregated], largest: int) -> Reduction:
    minimum = LEAST_FREQUENCY if reduced.minimum is None else reduced.minimum
    numbers, wild = reduced.reads == "number", "FALSE"
    if reduced.reads == "array" and operand.many is not None:
        found = pairs(f"CASE WHEN {operand.present} THEN list_json({operand.many}) END")
        wild = f"coalesce({found('bool_or(is_wild(v))')}, FALSE)"
    elif operand.many is not None:
        found = pairs(each_of(operand, "CASE WHEN is_number(e) THEN e END" if numbers else "json_text(e)"))
    elif numbers:
        found = pairs(f"CASE WHEN {operand.one.number} IS NOT NULL THEN {operand.one.text} END")
    else:
        found = pairs(str(operand.one.text))
    most = f"{found(f'min(CASE WHEN n >= {minimum} THEN rarity(n) || v END)')}[11:]"
    value = Double(f"TRY_CAST({most} AS DOUBLE)") if numbers else Text(most)
    return Reduction(value, f"{wild} OR {_too_many(found, largest)}")


def each_of(operand: Operand, form: str) -> str:
    return f"unnest(list_transform({operand.many}, lambda e: {form}))"


def _too_many(found: Aggregated, largest: int) -> str:
    return f"coalesce({found('count(*)')}, 0) > {largest}"


def decimal_of(operand: Operand) -> str:
    if operand.many is None:
        return str(operand.one.decimal)
    return f"list_sum(list_transform({operand.many}, lambda e: json_decimal(e)))"


def count_of(operand: Operand) -> str:
    return f"nullif(len(list_filter({operand.many}, lambda e: is_number(e))), 0)"


def best_of(operand: Operand, pick: str, form: str) -> str:
    """The value of a row in this form, or of its entries the first or the last one."""
    if operand.many is not None:
        return f"list_{pick}(list_transform({operand.many}, lambda e: {form.format('e')}))"
    forms = {"json_text({})": "text", "json_number({})": "number", "order_text({})": "order"}
    return str(getattr(operand.one, forms[form]))
