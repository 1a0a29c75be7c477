"""Merges: announces each committed merge to the loser's lane. Woken by the identity table's stream, by facts of merges.

Idempotent: a merge that is announced again has the same id.
"""

from typing import Any

from personas import profiles_stream
from personas.core.envelope import MergeEnvelope
from personas.stores.graph_items import merge_of


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    profiles_stream.send(_announcement(record["dynamodb"]["NewImage"]) for record in event["Records"])
    return {"batchItemFailures": []}


def _announcement(image: dict[str, Any]) -> MergeEnvelope:
    merge = merge_of(image)
    return MergeEnvelope(image["space"]["S"], merge.loser, merge.survivor, merge.id, merge.at, merge.epoch)
