"""What a reducer keeps of its events, as SQL: the JSON text of the partial that the stream's code makes of the same
rows (core/compute/monoids.py).

Invariant: of rows that are not wild and no more values than are kept, it is that partial; NULL is the empty one.
"""

from personas.core.batch.reducing import Source, best_of, count_of, decimal_of, each_of
from personas.core.batch.values import Operand
from personas.core.compute.aggregate import KEEPS
from personas.core.query.tree import Reduced


def counted(reduced: Reduced, source: Source | None) -> str | None:
    """By which key rows are counted, where the partial says how often there is what; one row may have several. None:
    all else."""
    if source is None or KEEPS[reduced.reducer] != "values":
        return None
    operand = source.operand
    if reduced.reducer != "mode":
        if operand.many is not None:
            return each_of(operand, "CASE WHEN ascii(e) = 34 THEN marked_text(json_text(e)) ELSE chr(0) || e END")
        one = operand.one
        if one.always_text:
            return f"marked_text({one.text})"
        return f"CASE WHEN {one.is_text} THEN marked_text({one.text}) ELSE chr(0) || {one.json} END"
    if reduced.reads == "array" and operand.many is not None:
        return f"CASE WHEN {operand.present} THEN list_json({operand.many}) END"
    if reduced.reads == "number":
        if operand.many is not None:
            return each_of(operand, "CASE WHEN is_number(e) THEN chr(0) || e END")
        return f"CASE WHEN {operand.one.number} IS NOT NULL THEN chr(0) || {operand.one.text} END"
    if operand.many is not None:
        return each_of(operand, "marked_text(json_text(e))")
    return f"marked_text({operand.one.text})"


def partial(reduced: Reduced, source: Source | None, rows: str) -> str:
    """Aggregated over the rows of this condition; not of what is `counted`."""
    if source is None:
        return f"nullif(count(*) FILTER (WHERE {rows}), 0)::VARCHAR"
    operand, keeps = source.operand, KEEPS[reduced.reducer]
    if keeps == "total":
        return _total(operand, rows)
    if keeps in ("least", "greatest"):
        if reduced.reads == "string":
            best = best_of(operand, reduced.reducer, "json_text({})")
            return f"to_json({reduced.reducer}({best}) FILTER (WHERE {rows}))::VARCHAR"
        best = best_of(operand, reduced.reducer, "json_number({})")
        return f"number_text({reduced.reducer}({best}) FILTER (WHERE {rows}))"
    pick = "min" if keeps == "first" else "max"
    plain = operand.many is None and operand.one.always_text
    best = operand.one.text if plain else best_of(operand, pick, "order_text({})")
    found = f"{pick}(moment_text({source.ts}) || {best}) FILTER (WHERE {rows} AND {operand.present})"
    return f"pick_text({found})" if plain else f"pick_json({found})"


def _total(operand: Operand, rows: str) -> str:
    if operand.many is None:
        count, digits = f"count({operand.one.decimal})", str(operand.one.digits)
    else:
        numbers = f"list_filter({operand.many}, lambda e: is_number(e))"
        count, digits = (
            f"sum({count_of(operand)})",
            f"list_max(list_transform({numbers}, lambda e: fraction_digits(e)))",
        )
    kept = f"FILTER (WHERE {rows})"
    return f"total_json({count} {kept}, sum({decimal_of(operand)}) {kept}, max({digits}) {kept})"
