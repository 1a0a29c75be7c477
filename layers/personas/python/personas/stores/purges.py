"""What is still to be removed of deleted spaces: one item per space in the workspace's list, until nothing is left.

The control table's own items go at once when a space is deleted; profiles, identities, deliveries and the archive are
many, and are removed afterwards. Nothing can reach them meanwhile: their space has no head, no key and no token.
"""

from dataclasses import asdict, dataclass

from personas import documents
from personas.stores.spaces import WORKSPACE

PLACES = ("profiles", "identity", "activation", "archive")


@dataclass(frozen=True, slots=True)
class Purge:
    id: str
    space: str
    requested: int
    """In ms."""
    pending: tuple[str, ...] = PLACES


def purge_key(space: str) -> str:
    return f"purge#{space}"


def begin(purge: Purge) -> None:
    """Idempotent: the last one stands."""
    documents.put(WORKSPACE, purge_key(purge.space), asdict(purge))


def all() -> list[Purge]:
    """Every purge that is not done, by space."""
    found = documents.all_of(WORKSPACE, purge_key(""))
    return [Purge(**{**data, "pending": tuple(data["pending"])}) for data in found]


def done(purge: Purge, place: str) -> None:
    """Nothing of the space is left in the place. Idempotent."""
    left = tuple(other for other in purge.pending if other != place)
    if left:
        begin(Purge(purge.id, purge.space, purge.requested, left))
    else:
        documents.delete(WORKSPACE, purge_key(purge.space))
