"""Purges: the receipt of each deleted space in the workspace's list (`purge#{space}`), kept for good, and what is still
to be worked off, in order of time: `workspace#purging` / `{due:013d}#{space}`.

The control table's own items go at once when a space is deleted; profiles, identities, deliveries and the archive are
many, and are removed by functions/purge.
"""

from collections.abc import Iterator

from personas import documents
from personas.core.purge import Purge
from personas.stores.spaces import WORKSPACE

WAITING = f"{WORKSPACE}#purging"


def purge_key(space: str) -> str:
    return f"purge#{space}"


def begin(purge: Purge) -> None:
    """Idempotent: the last one stands."""
    save(purge)
    documents.put(WAITING, _waiting_key(purge), {"space": purge.space})


def save(purge: Purge) -> None:
    """Idempotent. Receipt first, so that what died in between is worked off once more, and finds nothing."""
    documents.put(WORKSPACE, purge_key(purge.space), purge.to_data())
    if purge.finished is not None:
        documents.delete(WAITING, _waiting_key(purge))


def waiting(now_ms: int) -> Iterator[Purge]:
    """Purges that may be worked at, the longest due first."""
    for item in documents.items(WAITING):
        due, space = item["sk"]["S"].split("#", 1)
        if int(due) > now_ms:
            return
        purge = of_space(space)
        if purge is not None:
            yield purge


def of_space(space: str) -> Purge | None:
    data = documents.get(WORKSPACE, purge_key(space))
    return Purge.of_data(data) if data else None


def all() -> list[Purge]:
    """Every space that was ever deleted, by id."""
    return [Purge.of_data(data) for data in documents.all_of(WORKSPACE, purge_key(""))]


def _waiting_key(purge: Purge) -> str:
    return f"{purge.due:013d}#{purge.space}"
