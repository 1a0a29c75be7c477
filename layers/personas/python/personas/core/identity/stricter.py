"""What profiles that exist would not be under new rules. Rules apply to events to come, so nothing of it is undone.

>>> before = Rules.default()
>>> after = Rules.of_data({"identifiers": [{"type": "email", "limit": 1}]})
>>> roots = [Root("use_1", 0, claims={"email": (1, 2)}), Root("use_2", 0, claims={"email": (1,)})]
>>> [one] = stricter(before, after, roots, [], now=10)
>>> one.field, one.count, one.profiles
('email.limit', 1, ('use_1',))
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from personas.core.identifier import Identifier
from personas.core.identity.periods import within
from personas.core.identity.root import Root
from personas.core.identity.rules import Rules

SAMPLES = 10


@dataclass(frozen=True, slots=True)
class Restriction:
    field: str
    """Type and part of its rule, such as `email.limit`."""
    message: str
    count: int
    """How many of the profiles looked at."""
    profiles: tuple[str, ...]
    """Some of their ids."""


def stricter(
    before: Rules, after: Rules, roots: Sequence[Root], held: Iterable[tuple[str, Identifier]], now: int
) -> tuple[Restriction, ...]:
    """`roots`: of the profiles looked at; `held`: identifiers with the profile that gained them; `now` in ms."""
    return (
        *_limits(before, after, roots, now),
        *_blocked(before, after, held),
        *_removed(before, after, roots),
        *_overtaken(before, after, roots),
    )


def _limits(before: Rules, after: Rules, roots: Sequence[Root], now: int) -> Iterable[Restriction]:
    for kind in sorted({kind for root in roots for kind in root.claims}):
        rule = after.rule(kind)
        if str(rule) == str(before.rule(kind)):
            continue
        over = [root.id for root in roots if within(rule.period, root.claims.get(kind, ()), now) > rule.limit]
        if over:
            message = f"profiles hold more than the rule allows ({rule}); they keep what they have, and gain no more"
            yield Restriction(f"{kind}.limit", message, len(over), tuple(over[:SAMPLES]))


def _blocked(before: Rules, after: Rules, held: Iterable[tuple[str, Identifier]]) -> Iterable[Restriction]:
    leading_nowhere: dict[str, dict[str, None]] = {}
    for profile, one in held:
        if after.blocks(one) and not before.blocks(one):
            leading_nowhere.setdefault(one.type, {})[profile] = None
    for kind, profiles in sorted(leading_nowhere.items()):
        message = f"profiles hold values of {kind} that are now blocked; they keep them, and events find them no more"
        yield Restriction(f"{kind}.blockedValues", message, len(profiles), tuple(profiles)[:SAMPLES])


def _removed(before: Rules, after: Rules, roots: Sequence[Root]) -> Iterable[Restriction]:
    named = {rule.type for rule in after.identifiers}
    for kind in sorted({rule.type for rule in before.identifiers} - named):
        profiles = [root.id for root in roots if root.claims.get(kind)]
        if profiles:
            message = (
                f"profiles hold values of {kind}, which the rules do not name any more; they keep them, and events "
                f"that bring it are resolved by the rule of types that are not named ({after.rule(kind)})"
            )
            yield Restriction(kind, message, len(profiles), tuple(profiles[:SAMPLES]))


def _overtaken(before: Rules, after: Rules, roots: Sequence[Root]) -> Iterable[Restriction]:
    """Of two types that a profile holds, the one that ranks lower is set aside where a limit would be exceeded."""
    kinds = sorted({kind for root in roots for kind in root.claims})
    for kind in kinds:
        passed = [
            other for other in kinds if before.rank(kind) < before.rank(other) and after.rank(kind) > after.rank(other)
        ]
        profiles = [
            root.id for root in roots if root.claims.get(kind) and any(root.claims.get(other) for other in passed)
        ]
        if profiles:
            message = (
                f"profiles hold {kind} beside {', '.join(passed)}, which rank above it now; where a limit would be "
                f"exceeded, {kind} is set aside first"
            )
            yield Restriction(f"{kind}.priority", message, len(profiles), tuple(profiles[:SAMPLES]))
