"""A lane is what one worker handles at a time, in order: hash(profile id) mod LANES. Each profile lives in one lane.

>>> lane_of("use_1") == lane_of("use_1"), 0 <= lane_of("use_1") < LANES
(True, True)
"""

from hashlib import blake2b

LANES = 256
"""A constant of every deployment: changing it would move profiles between lanes while events are in flight."""

_HASH_KEYS = 1 << 128


def lane_of(profile_id: str) -> int:
    return blake2b(profile_id.encode(), digest_size=1).digest()[0]


def partition_key(lane: int) -> str:
    """The Kinesis partition key of a lane: what keeps a lane's records in order."""
    return f"lane-{lane:03d}"


def lane_of_key(partition_key: str) -> int:
    """The lane of a record that carries the key: `lane_of_key(partition_key(7)) == 7`."""
    return int(partition_key.removeprefix("lane-"))


def explicit_hash_key(lane: int) -> str:
    """Where the lane lies on the stream's hash ring: evenly spaced, so that every shard gets its share."""
    return str((lane * _HASH_KEYS) // LANES)
