"""The report of a simulation: what the proposed rules would have made of a space's history, beside what there is."""

from typing import Any

from personas.core.identity.rules import Rules
from personas.core.moments import iso
from personas.core.simulation import evidence
from personas.core.simulation.blind_spots import blind_spots
from personas.core.simulation.comparison import Comparison
from personas.core.simulation.history import History
from personas.core.simulation.replay import Replay

COLLECTIONS = ("users", "accounts")


def report(history: History, before: Rules, after: Rules) -> dict[str, Any]:
    """`before`: the rules in force; `after`: the proposed ones. As the Control API shows it."""
    traces = history.traces()
    replay = Replay(after, history.apart, history.homes).run(traces)
    compared = Comparison(history.homes, replay.profiles())
    merged, split = compared.merged(), compared.split()
    why_merged = evidence.of_merged(traces, compared, replay, merged)
    why_split = evidence.of_split(traces, compared, replay, split)
    made_of, becomes = compared.parts_of_then(merged), compared.parts_of_now(split)
    span = history.until - min((trace.at for trace in traces), default=history.until)
    return {
        "until": iso(history.until),
        "events": len(traces),
        **{collection: compared.counts(collection) for collection in COLLECTIONS},
        "largest": compared.largest(),
        "merged": [{"madeOf": made_of[profile], "why": why_merged[profile]} for profile in merged],
        "split": [{"profileId": one, "becomes": becomes[one], "why": why_split[one]} for one in split],
        "blindSpots": blind_spots(before, after, span=span, unmerged=bool(history.apart)),
    }
