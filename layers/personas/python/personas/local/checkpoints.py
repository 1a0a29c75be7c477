"""How far a mapping has come in each shard and lane, in one small file that survives whatever ends the engine."""

import os
from pathlib import Path

import orjson


class Checkpoints:
    """Up to which number everything is done (delivered, filtered out, or given up). Per shard, one for each lane."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        self._shards: dict[str, list[int]] = orjson.loads(file.read_bytes()) if file.exists() else {}

    def lanes(self, shard: str, lanes: int, start: int) -> list[int]:
        """Where each lane goes on; `start` for a shard never seen.

        When the number of lanes has changed, keys have changed lanes: all go on from the one that is furthest behind,
        so that some records come again and none is passed over.
        """
        known = self._shards.get(shard)
        if known is None:
            known = [start] * lanes
        elif len(known) != lanes:
            known = [min(known)] * lanes
        self._shards[shard] = known
        return list(known)

    def advance(self, shard: str, lane: int, number: int) -> None:
        """In memory only, until `save`."""
        self._shards[shard][lane] = max(number, self._shards[shard][lane])

    def save(self) -> None:
        draft = self._file.with_suffix(".tmp")
        draft.write_bytes(orjson.dumps(self._shards))
        os.replace(draft, self._file)
