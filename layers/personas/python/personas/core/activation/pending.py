"""A pending item is a change on its way to one destination: keyed (destination, profile, computation), newest wins.

Invariant: a settled item stays for a while as the memory of the version that was settled, so that a change that comes
again is not sent again.
"""

from dataclasses import dataclass, replace

from personas.core.activation.change import Change
from personas.core.activation.queue import Queue

Key = tuple[str, str]
"""(profile, computation id): the key of an item within a destination."""


@dataclass(frozen=True, slots=True)
class Pending:
    destination: str
    change: Change
    due: int
    """Not to be tried before, in ms."""
    tries: int = 0
    """How often it was tried without an end."""
    first_tried: int | None = None
    """When the first try was, in ms."""
    finished: tuple[str, ...] = ()
    """Message ids of its calls that need no other try: delivered, or with the dead letters."""
    settled: bool = False

    @property
    def key(self) -> Key:
        return self.change.profile, self.change.computation.id

    @property
    def queue(self) -> Queue:
        return Queue.of(self.change.space, self.destination, self.change.profile)

    def over(self, older: "Pending") -> "Pending":
        """This item, told also to those whom the older one, still open, has not reached."""
        return replace(self, change=self.change.over(older.change))
