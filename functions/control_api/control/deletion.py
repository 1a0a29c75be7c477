"""Deleting a space: first its head, so that pipelines drop what still arrives; then keys and tokens; then the rest.

Every step can be repeated. What the other tables and the archive hold of the space can be reached by nobody from then
on, and is noted as a purge, which the purge workflow works off (core/purge.py).
"""

import secrets
from dataclasses import replace
from typing import Any

from personas import documents, dynamo
from personas.clock import now_ms
from personas.core.purge import Purge
from personas.core.workspace import Space, new_id
from personas.stores import (
    backfills,
    definitions,
    destinations,
    identity_rules,
    previews,
    purges,
    refused,
    simulations,
    sources,
    spaces,
    tokens,
)


def delete(space: Space) -> dict[str, Any]:
    """The receipt: what was removed at once, and what is still being purged. Idempotent."""
    spaces.close(space)
    purge = purges.of_space(space.id) or Purge(new_id("pur", secrets.token_urlsafe), space.id, now_ms())
    purges.begin(purge)
    removed = {"sources": 0, "accessTokens": 0}
    for source in sources.of_space(space.id):
        sources.remove(source)
        _emptied(refused.partition(space.id, source.id))
        removed["sources"] += 1
    for token in tokens.of_space(space.id):
        tokens.remove(token)
        removed["accessTokens"] += 1
    removed["destinations"] = _emptied(destinations.partition(space.id))
    removed["definitions"] = _emptied(definitions.partition(space.id))
    _emptied(definitions.mapping_partition(space.id))
    _emptied(definitions.snapshot_partition(space.id))
    _emptied(backfills.partition(space.id))
    _emptied(previews.partition(space.id))
    _emptied(identity_rules.partition(space.id))
    _emptied(simulations.partition(space.id))
    purge = replace(purge, at_once={name: purge.at_once.get(name, 0) + count for name, count in removed.items()})
    purges.begin(purge)
    spaces.forget(space)
    return purge.receipt()


def _emptied(partition: str) -> int:
    keys = [{"pk": item["pk"], "sk": item["sk"]} for item in documents.items(partition)]
    dynamo.batch_write(documents.table(), deletes=keys)
    return len(keys)
