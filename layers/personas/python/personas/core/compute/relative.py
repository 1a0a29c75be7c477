"""Comparisons of a date with now: they turn at moments that are known in advance."""

from collections.abc import Callable
from typing import Any

from personas.core.compute.comparators import RELATIVE_UNITS, turning_points
from personas.core.compute.conditions import Holds, Operand, Special
from personas.core.compute.frame import Frame
from personas.core.query.tree import Comparison, Duration, Scalar
from personas.core.query.vocabulary import NOW_RELATIVE
from personas.core.values import moment_of


def relative(
    comparison: Special, operand: Callable[[Scalar], Operand], frame_of: Callable[[Any], Frame]
) -> Holds | None:
    """None where the comparison is none of these; `frame_of` finds in a scene what knows the moment."""
    if not isinstance(comparison, Comparison) or comparison.operator not in NOW_RELATIVE:
        return None
    subject, operator = operand(comparison.subject), comparison.operator
    (duration,) = comparison.arguments
    if not isinstance(duration, Duration):
        raise TypeError(f"{operator} takes a duration")
    amount, unit_ms = duration.amount, RELATIVE_UNITS[duration.unit]

    def holds(scene: Any) -> bool:
        frame, found = frame_of(scene), False
        for value in subject(scene):
            moment = moment_of(value)
            if moment is None:
                continue
            first, after = turning_points(operator, moment, amount, unit_ms)
            for turn in (first, after):
                if turn is not None:
                    frame.turns_at(turn)
            found |= (first is None or frame.at >= first) and (after is None or frame.at < after)
        return found

    return holds
