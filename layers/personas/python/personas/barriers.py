"""Announcing a new version of a space's definitions to every lane of the profiles stream.

A lane computes with the version of the last barrier that it has seen. The head notes what was announced, so that the
hourly recompute sends again what a crash between saving and announcing left out.
"""

from personas import wire
from personas.aws import setting
from personas.core.envelope import BarrierEnvelope
from personas.core.lanes import LANES, explicit_hash_key, partition_key
from personas.stores import spaces
from personas.streams import Record, put_records


def send(space: str, version: int) -> None:
    """Idempotent: a barrier seen twice, or after a newer one, changes nothing."""
    envelope = BarrierEnvelope(space, version).to_data()
    records = [
        Record(wire.pack({"lane": lane, "envelopes": [envelope]}), partition_key(lane), explicit_hash_key(lane))
        for lane in range(LANES)
    ]
    put_records(setting("PROFILES_STREAM"), records)
    spaces.barrier_sent(space, version)
