"""Conditions compiled to functions: of an event (`where`) or of a profile at a time (an audience's formula).

The scene is what a condition is asked about; how an operand is found in it is given by the caller.
"""

from collections.abc import Callable
from typing import Any

from personas.core.compute.comparators import OPPOSITES, TESTS, Test, against
from personas.core.query.tree import AllMembers, And, AnyMember, Comparison, Condition, Literal, Not, Or, Scalar

Holds = Callable[[Any], bool]
Operand = Callable[[Any], list[Any]]
"""The values of an operand in a scene: none, one, or (a path with `$`) several."""
Single = Callable[[Any], Any]
"""Of an operand that never has more than one value in a scene: that value, or None."""
Special = Comparison | AnyMember | AllMembers


def compiled(
    condition: Condition,
    operand: Callable[[Scalar], Operand],
    special: Callable[[Special], Holds | None],
    single: Callable[[Scalar], Single | None] = lambda _scalar: None,
) -> Holds:
    """`special` compiles a comparison that needs more than its operands, and what is asked of others; None: it is
    none of these. `single` is the short way to an operand that has one value at most: the usual comparison is made of
    it without any list."""
    match condition:
        case And(parts):
            return _all([compiled(part, operand, special, single) for part in parts])
        case Or(parts):
            return _any([compiled(part, operand, special, single) for part in parts])
        case Not(part):
            holds = compiled(part, operand, special, single)
            return lambda scene: not holds(scene)
        case Comparison():
            return special(condition) or _plainly(condition, single) or _comparison(condition, operand)
        case AnyMember() | AllMembers():
            asked = special(condition)
            if asked:
                return asked
    raise TypeError(f"{type(condition).__name__} is asked of the users of an account, not of one profile")


def _all(parts: list[Holds]) -> Holds:
    def holds(scene: Any) -> bool:
        for part in parts:  # noqa: SIM110 - a generator here costs twice the time, for every event
            if not part(scene):
                return False
        return True

    return holds


def _any(parts: list[Holds]) -> Holds:
    def holds(scene: Any) -> bool:
        for part in parts:  # noqa: SIM110 - as above
            if part(scene):
                return True
        return False

    return holds


def _plainly(comparison: Comparison, single: Callable[[Scalar], Single | None]) -> Holds | None:
    """Of one value with literals; None where it is not such a comparison."""
    read, operator = single(comparison.subject), comparison.operator
    literals = tuple(each.value for each in comparison.arguments if isinstance(each, Literal))
    if read is None or len(literals) != len(comparison.arguments):
        return None
    if operator in ("exists", "absent"):
        return (lambda scene: read(scene) is not None) if operator == "exists" else lambda scene: read(scene) is None
    test = against(OPPOSITES.get(operator, operator), literals)
    if operator == "omits":
        return lambda scene: (value := read(scene)) is None or not test(value)
    if operator in OPPOSITES:
        return lambda scene: (value := read(scene)) is not None and not test(value)
    return lambda scene: (value := read(scene)) is not None and test(value)


def _comparison(comparison: Comparison, operand: Callable[[Scalar], Operand]) -> Holds:
    subject = operand(comparison.subject)
    if comparison.operator == "exists":
        return lambda scene: bool(subject(scene))
    if comparison.operator == "absent":
        return lambda scene: not subject(scene)
    opposite = OPPOSITES.get(comparison.operator)
    positive = _positive(comparison, TESTS[opposite or comparison.operator], operand, subject)
    if opposite == "contains":
        return lambda scene: not positive(scene)
    if opposite:
        return _negative(comparison, positive, operand, subject)
    return positive


def _positive(comparison: Comparison, test: Test, operand: Callable[[Scalar], Operand], subject: Operand) -> Holds:
    scalars = [each for each in comparison.arguments if not isinstance(each, Literal)]
    if not scalars:
        literals = tuple(each.value for each in comparison.arguments if isinstance(each, Literal))

        def holds_literally(scene: Any) -> bool:
            return any(test(value, literals) for value in subject(scene))

        return holds_literally
    others = _others(comparison, operand)

    def holds(scene: Any) -> bool:
        found = others(scene)
        return any(test(value, (other,)) for value in subject(scene) for other in found)

    return holds


def _negative(comparison: Comparison, positive: Holds, operand: Callable[[Scalar], Operand], subject: Operand) -> Holds:
    others = _others(comparison, operand)
    return lambda scene: bool(subject(scene)) and bool(others(scene)) and not positive(scene)


def _others(comparison: Comparison, operand: Callable[[Scalar], Operand]) -> Operand:
    operands = [operand(each) for each in comparison.arguments if isinstance(each, Scalar)]
    return lambda scene: [value for each in operands for value in each(scene)]
