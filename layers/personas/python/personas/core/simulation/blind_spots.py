"""What a simulation cannot know, because the graph did not record it.

>>> before = Rules.of_data({"identifiers": [{"type": "user_id", "blockedValues": ["test"]}]})
>>> after = Rules.of_data({"identifiers": [{"type": "user_id"}, {"type": "card", "keys": ["card"]}]})
>>> [(spot["kind"], spot["field"]) for spot in blind_spots(before, after, span=0, unmerged=False)]
[('confirmations', None), ('never_recorded', 'user_id.blockedValues'), ('never_read', 'card.keys')]
"""

from collections.abc import Iterator
from typing import Any

from personas.core.identity.fact import ASIDE_DAYS
from personas.core.identity.rules import Rules
from personas.core.moments import DAY

SHOWN = 5
"""Values that a message names."""


def blind_spots(before: Rules, after: Rules, *, span: int, unmerged: bool) -> list[dict[str, Any]]:
    """`before`: the rules in force; `span`: over how long facts were recorded, in ms; `unmerged`: whether there are
    profiles that an unmerge took apart."""
    return [
        {"kind": kind, "field": field, "message": message}
        for kind, field, message in _spots(before, after, span=span, unmerged=unmerged)
    ]


def _spots(before: Rules, after: Rules, *, span: int, unmerged: bool) -> Iterator[tuple[str, str | None, str]]:
    yield (
        "confirmations",
        None,
        "An event that brought nothing new left no trace, and of others only what mattered then: such an event may link"
        " identifiers that rules would have kept apart before.",
    )
    if span > ASIDE_DAYS * DAY:
        yield (
            "set_aside_expired",
            None,
            f"What was set aside more than {ASIDE_DAYS} days ago is forgotten: looser rules may bring more together.",
        )
    yield from _unblocked(before, after)
    yield from _keys(before, after)
    if unmerged:
        yield "unmerged", None, "What an unmerge took apart stays apart, whatever the rules."


def _unblocked(before: Rules, after: Rules) -> Iterator[tuple[str, str | None, str]]:
    never = "were blocked, so that no event left a trace of them"
    for kind in ("", *sorted({*before.types(), *after.types()})):
        old, new = (rules.rule(kind).blocked if kind else rules.blocked for rules in (before, after))
        for field, gone in (
            ("blockedValues", [one for one in old.values if not _blocks(after, kind, one)]),
            ("blockedPatterns", [one for one in old.patterns if one not in (*new.patterns, *after.blocked.patterns)]),
        ):
            if gone:
                named = ", ".join(gone[:SHOWN]) + (" …" if gone[SHOWN:] else "")
                yield "never_recorded", f"{kind}.{field}" if kind else field, f"{named}: {never}."


def _blocks(rules: Rules, kind: str, value: str) -> bool:
    return rules.blocked.blocks(value) or (bool(kind) and rules.rule(kind).blocked.blocks(value))


def _keys(before: Rules, after: Rules) -> Iterator[tuple[str, str | None, str]]:
    old, new = set(before.keyed()), set(after.keyed())
    for kind, key in sorted(new - old):
        yield (
            "never_read",
            f"{kind}.keys",
            f"{key} was not read as a {kind} so far: what events carried there is not known.",
        )
    for kind, key in sorted(old - new):
        message = f"{key} would not be read as a {kind} any more; values that came by it are replayed all the same."
        yield "read_before", f"{kind}.keys", message
