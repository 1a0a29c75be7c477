"""What there is to be done for a backfill."""

from personas.core.saved_definition import SavedDefinition
from personas.stores import backfills, definitions, spaces, unmerges


def is_due(space: str) -> bool:
    """Whether there is something that a run would do."""
    return is_behind(space) or bool(unmerges.pending(space))


def is_behind(space: str) -> bool:
    """Whether definitions are to be brought into force."""
    head = spaces.head(space)
    if head is None:
        return False
    pending = any(saved.pending for saved in definitions.of_space(space))
    return pending or backfills.get(space).spread < head.definitions


def is_wanted(space: str, version: int) -> bool:
    """Whether anything that began with this version is still to come into force."""
    return any(is_about(saved, version) for saved in definitions.of_space(space))


def is_about(saved: SavedDefinition, version: int) -> bool:
    return saved.coming and saved.coming_since == version
