"""Whose turn it is: the order in which queues with something to do are claimed, where a run cannot claim them all.

Spaces take turns, and within a space the queue that was claimed longest ago comes first. So neither a large sync of one
space nor one destination of many queues can keep others waiting.

>>> a, b, c = Queue("sp1", "des", 0), Queue("sp1", "des", 1), Queue("sp2", "des", 0)
>>> [(queue.space, queue.number) for queue in turns({a: 50, b: 10, c: 90})]
[('sp1', 1), ('sp2', 0), ('sp1', 0)]
"""

from collections.abc import Mapping

from personas.core.activation.queue import Queue


def turns(claimed: Mapping[Queue, int]) -> list[Queue]:
    """The queues in the order of their turns. `claimed`: when each was claimed last, in ms; 0 for never."""
    by_space: dict[str, list[Queue]] = {}
    for queue in sorted(claimed, key=lambda queue: (claimed[queue], queue.destination, queue.number)):
        by_space.setdefault(queue.space, []).append(queue)
    rounds = {queue: place for listed in by_space.values() for place, queue in enumerate(listed)}
    return sorted(claimed, key=lambda queue: (rounds[queue], claimed[queue], queue.space))
