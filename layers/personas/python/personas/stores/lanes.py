"""Lanes: which version of a space's definitions a lane computes with, and the barrier's sequence number in the lane.

Invariant: a lane's note is written after everything that the batch with the barrier changed, so that a redelivery finds
the version that was in force before the barrier.
"""

from collections.abc import Iterable, Mapping

from personas import dynamo
from personas.core.profile.batch import LaneNote
from personas.profiles_table import Item, key, sequence_text, table

Lane = tuple[str, int]
"""Space, number of the lane."""


def lane_key(space: str, lane: int) -> Item:
    return key(f"{space}#lane#{lane}", "definitions")


def read(lanes: Iterable[Lane]) -> dict[Lane, LaneNote]:
    """The notes by lane, read consistently; a lane that has seen no barrier is absent."""
    names = {f"{space}#lane#{lane}": (space, lane) for space, lane in lanes}
    found = dynamo.batch_get(table(), [lane_key(space, lane) for space, lane in names.values()])
    return {names[item["pk"]["S"]]: LaneNote(int(item["version"]["N"]), int(item["seq"]["S"])) for item in found}


def write(notes: Mapping[Lane, LaneNote]) -> None:
    """Idempotent."""
    dynamo.batch_write(
        table(),
        [
            {
                **lane_key(space, lane),
                "version": {"N": str(note.version)},
                "seq": {"S": sequence_text(note.sequence)},
            }
            for (space, lane), note in notes.items()
        ],
    )
