"""A merge is the fact that one profile became part of another: by which event, over which identifier, by which rule."""

from dataclasses import dataclass

from personas.core.identifier import Identifier


@dataclass(frozen=True, slots=True)
class Merge:
    id: str
    """The same however often it is announced; another one when the same two profiles merge again later."""
    survivor: str
    loser: str
    at: int
    """When the bridging event was received, in ms."""
    message_id: str
    source_id: str
    identifier: Identifier
    """The identifier of the event that led to the loser."""
    rule: str
    """The rule of that identifier, in words."""
    event: str = ""
    """The type of the bridging call, such as `identify`."""
    via: Identifier | None = None
    """The identifier of the event that led to the survivor: the other end of the bridge."""
    version: int = 0
    """The survivor's, with the merge: it orders what happened within one millisecond."""
    epoch: int = 0
    """The loser's, as it lost: by it the loser's actor knows which of its lives the merge is about."""
    into_epoch: int = 0
    """The survivor's, likewise."""
    event_at: int = 0
    """When the bridging event happened by its own timestamp, in ms."""
    event_name: str | None = None
    """As in `Fact`."""
    absorbed: tuple[str, ...] = ()
    """Every profile that had become part of the loser: all of them are the survivor from now on."""
    undone: str | None = None
    """The id of the unmerge that took it back."""

    @property
    def loser_version(self) -> int:
        """The loser's own, as it was when it lost."""
        return int(self.id.rpartition(".")[2])


def merge_id(loser: str, version: int) -> str:
    """`version`: the loser's own, as it was when it lost. It grows with every change of the loser."""
    return f"{loser}.{version}"
