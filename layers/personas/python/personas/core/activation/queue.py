"""A destination's outbox is worked off by a few queues side by side; a profile is always in the same one.

One batch of a queue is in flight at a time, which keeps the changes of a profile in order.

>>> Queue.of("spa_1", "des_1", "use_1") == Queue.of("spa_1", "des_1", "use_1")
True
"""

from dataclasses import dataclass
from hashlib import blake2b

QUEUES = 4
"""Queues of a destination. More of them would fan out wider, and cost a look each where there is work."""

MAX_CALLS = 1_000
"""Calls of one batch: what `deliver` surely gets through within its time."""

_REQUESTS_PER_SECOND = {
    "actions-webhook": 500,
    "actions-braze-cloud": 100,
    "actions-customerio": 30,
    "actions-hubspot-cloud": 5,
    "actions-intercom-cloud": 8,
    "actions-sendgrid": 100,
}
_OTHERS_PER_SECOND = 20


@dataclass(frozen=True, slots=True)
class Queue:
    space: str
    destination: str
    number: int

    @classmethod
    def of(cls, space: str, destination: str, profile: str) -> "Queue":
        digest = blake2b(profile.encode(), digest_size=2).digest()
        return cls(space, destination, int.from_bytes(digest) % QUEUES)


def calls_per_second(destination_type: str) -> float:
    """What one queue of a destination may send: its share of the tool's rate."""
    return _REQUESTS_PER_SECOND.get(destination_type, _OTHERS_PER_SECOND) / QUEUES


def calls_per_batch(destination_type: str) -> int:
    """What a queue may send in the minute until the next plan."""
    return max(1, min(MAX_CALLS, int(calls_per_second(destination_type) * 60)))
