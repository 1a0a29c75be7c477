"""The profiles stream: one record carries envelopes of one lane, in order, compressed.

>>> tick = envelope.TickEnvelope("sp", "use_1", 9)
>>> [record] = lane_records([tick, tick])
>>> record.partition_key, read_envelopes(record.data) == [tick, tick]
('lane-014', True)
"""

from collections.abc import Iterable

import orjson

from personas import wire
from personas.aws import setting
from personas.core import envelope
from personas.core.envelope import Envelope
from personas.core.lanes import explicit_hash_key, lane_of, partition_key
from personas.streams import Record, put_records

MAX_BYTES = 900_000
"""Of a record before compression, so that it stays under Kinesis' megabyte even where that does nothing."""


def send(envelopes: Iterable[Envelope]) -> None:
    """Returns when Kinesis has them all, each lane's in order. Receivers know again what is sent again."""
    put_records(setting("PROFILES_STREAM"), lane_records(envelopes))


def lane_records(envelopes: Iterable[Envelope]) -> list[Record]:
    """The envelopes by the lanes of their profiles (barriers go to every lane: personas/barriers.py), in order.

    A lane whose envelopes are too many for one record has several, in order.
    """
    lanes: dict[int, list[list[dict[str, object]]]] = {}
    sizes: dict[int, int] = {}
    for entry in envelopes:
        lane = lane_of(entry.profile)  # type: ignore[union-attr]
        data = entry.to_data()
        size = len(orjson.dumps(data)) + 1
        if lane not in lanes or sizes[lane] + size > MAX_BYTES:
            lanes.setdefault(lane, []).append([])
            sizes[lane] = 0
        lanes[lane][-1].append(data)
        sizes[lane] += size
    return [
        Record(wire.pack({"lane": lane, "envelopes": part}), partition_key(lane), explicit_hash_key(lane))
        for lane, parts in lanes.items()
        for part in parts
    ]


def read_envelopes(data: bytes) -> list[Envelope]:
    """Raises KeyError on a kind of envelope that this version does not know."""
    return [envelope.of_data(entry) for entry in wire.unpack(data)["envelopes"]]
