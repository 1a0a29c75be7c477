"""The order in which the events of a history were resolved, found from the versions of the profiles that they met.

A change gives a profile a larger version, and what set something aside noted the versions that it saw. So every event
has its place between two changes of each profile that it met, whatever lane was late and however many events came
within one millisecond. What that leaves open goes by the time of receipt.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush

from personas.core.identifier import Identifier
from personas.core.simulation.trace import Trace

Edge = tuple[int, int]
"""Places in the list: the one before the other."""


def in_order(traces: Sequence[Trace], claims: Mapping[Identifier, Trace]) -> list[Trace]:
    """`claims`: the event by which each identifier came to its profile.

    A decision that rested on what a worker remembered may have seen two profiles that never were so at one time: where
    that leaves nobody to go first, the earliest does.
    """
    received = sorted(traces, key=lambda trace: (trace.at, trace.key))
    after: list[list[int]] = [[] for _ in received]
    awaited = [0] * len(received)
    for first, then in (*_along_profiles(received), *_before_claims(received, claims)):
        after[first].append(then)
        awaited[then] += 1
    ready = [place for place, count in enumerate(awaited) if not count]
    heapify(ready)
    taken = [False] * len(received)
    ordered: list[Trace] = []
    earliest = 0
    while len(ordered) < len(received):
        while not ready and taken[earliest]:
            earliest += 1
        place = heappop(ready) if ready else earliest
        if taken[place]:
            continue
        taken[place] = True
        ordered.append(received[place])
        for then in after[place]:
            awaited[then] -= 1
            if not awaited[then]:
                heappush(ready, then)
    return ordered


def _along_profiles(traces: Sequence[Trace]) -> Iterator[Edge]:
    """What only looked stands between two changes, and in no order with others that did."""
    met: dict[str, list[tuple[int, bool, int]]] = {}
    for place, trace in enumerate(traces):
        for profile, version in trace.versions.items():
            met.setdefault(profile, []).append((version, profile not in trace.changed, place))
    for entries in met.values():
        change: int | None = None
        looks: list[int] = []
        for _, looked, place in sorted(entries):
            if change is not None:
                yield change, place
            if looked:
                looks.append(place)
                continue
            yield from ((look, place) for look in looks)
            change, looks = place, []


def _before_claims(traces: Sequence[Trace], claims: Mapping[Identifier, Trace]) -> Iterator[Edge]:
    """What nobody had was set aside before somebody gained it."""
    wanted = {trace.free for trace in traces if trace.free} & claims.keys()
    if not wanted:
        return
    places = {trace.key: place for place, trace in enumerate(traces)}
    for place, trace in enumerate(traces):
        if trace.free in wanted and claims[trace.free] is not trace:
            yield place, places[claims[trace.free].key]
