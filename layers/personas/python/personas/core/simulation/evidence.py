"""Why profiles would be other ones: the recorded events that carried identifiers of two, with the rule that tells.

What was kept of one event is one profile for ever after. So where an event carried identifiers that are one profile on
the one side and not on the other, something of it is set aside, or blocked, there.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from personas.core.identifier import Identifier
from personas.core.identity.explanation import call_in_words
from personas.core.moments import iso
from personas.core.simulation.comparison import MOST_IDENTIFIERS, Comparison, Sides, shortened, shown
from personas.core.simulation.replay import Replay
from personas.core.simulation.trace import Trace

MOST_EVENTS = 3
"""That are shown of a profile."""


def of_merged(
    traces: Iterable[Trace], compared: Comparison, replay: Replay, profiles: Iterable[str]
) -> dict[str, list[dict[str, Any]]]:
    """Of each of these profiles of then, events that bring together what is not one profile now."""
    found = _telling(traces, compared.then, compared.now, profiles)
    return {
        profile: [
            _event(trace, carried, trace.rule, _kept_apart(trace))
            for trace, carried in sorted(events, key=lambda event: event[0].key in replay.refusals)[:MOST_EVENTS]
        ]
        for profile, events in found.items()
    }


def of_split(
    traces: Iterable[Trace], compared: Comparison, replay: Replay, profiles: Iterable[str]
) -> dict[str, list[dict[str, Any]]]:
    """Of each of these profiles of now, events that do not bring together any more what they did."""
    found = _telling(traces, compared.now, compared.then, profiles)
    return {
        profile: [_refused(replay, trace, carried) for trace, carried in events[:MOST_EVENTS]]
        for profile, events in found.items()
    }


Told = list[tuple[Trace, list[Identifier]]]


def _telling(traces: Iterable[Trace], one_side: Sides, other: Sides, profiles: Iterable[str]) -> dict[str, Told]:
    """Events that carried identifiers of one profile on the one side that are not one on the other, with these."""
    found: dict[str, Told] = {profile: [] for profile in profiles}
    for trace in traces:
        carried: dict[str, list[Identifier]] = {}
        for one in trace.places:
            profile = one_side.get(one)
            if profile in found:
                carried.setdefault(profile, []).append(one)
        for profile, identifiers in carried.items():
            if len({other.get(one) for one in identifiers}) > 1:
                found[profile].append((trace, sorted(identifiers)))
    return found


def _kept_apart(trace: Trace) -> str:
    if trace.rule is None:
        return "under the proposed rules they lead to one profile."
    return f"it was set aside, because of the rule {trace.rule}; under the proposed rules they lead to one profile."


def _refused(replay: Replay, trace: Trace, carried: Sequence[Identifier]) -> dict[str, Any]:
    blocked = [one for one in carried if replay.rules.blocks(one)]
    if blocked:
        return _event(trace, carried, None, f"the proposed rules block {_named(blocked)}.")
    rule = replay.refusals.get(trace.key)
    words = f"the proposed rules set some of it aside, because of the rule {rule}."
    return _event(trace, carried, rule, words)


def _event(trace: Trace, carried: Sequence[Identifier], rule: str | None, then: str) -> dict[str, Any]:
    _, source_id, message_id, at = trace.key
    return {
        "event": trace.event,
        "messageId": message_id,
        "sourceId": source_id,
        "at": iso(at),
        "identifiers": [shown(one) for one in carried[:MOST_IDENTIFIERS]],
        "rule": rule,
        "words": f"{call_in_words(trace.event, message_id, source_id, at)} carried {_named(carried)}; {then}",
    }


def _named(identifiers: Sequence[Identifier]) -> str:
    """
    >>> _named([Identifier("user_id", "u1"), Identifier("email", "a@b.c"), Identifier("card", "7")])
    'user_id u1, email a@b.c and card 7'
    """
    names = [f"{one.type} {shortened(one.value)}" for one in identifiers[:MOST_IDENTIFIERS]]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
