"""What the actor of a profile keeps beside the profile itself: aggregates, memory, watermarks, the hour it is due.

Invariant: `sequence` is the sequence number of the last record that is folded in; what is at or below came before.
"""

from collections.abc import Mapping
from typing import Any

from personas.core.compute.state import ComputeState
from personas.core.profile.links import Said, Users
from personas.core.profile.memory import Memory
from personas.core.profile.parted import Parted
from personas.core.profile.stretch import Stretch

Mark = tuple[int, int]
"""A place in the stream of one lane: the record's sequence number, the place in the record."""


class State:
    """Mutable: the working state of one profile while its actor acts."""

    __slots__ = (
        "compute",
        "due",
        "events",
        "fresh",
        "heard",
        "hour",
        "into",
        "lineage",
        "marks",
        "memory",
        "parted",
        "sequence",
        "users",
        "version",
    )

    def __init__(self, compute: ComputeState | None = None, memory: Memory | None = None) -> None:
        self.sequence = -1
        self.version = 0
        """The version of the definitions with which it was last computed."""
        self.compute = ComputeState() if compute is None else compute
        self.memory = Memory() if memory is None else memory
        self.events = 0
        """How many events it folded. It lies here and not in the profile: the profile may be ahead of its state."""
        self.due: int | None = None
        """The earliest hour under which the due log has it."""
        self.hour = 0
        """The hour of the last evaluation: a clock that is behind does not turn it back."""
        self.marks: dict[int, Mark] = {}
        """Per sending lane, the last numbered part that was taken in."""
        self.lineage: list[Stretch] = []
        """What others folded whose states it absorbed, and it itself before it began anew. Their pages hold it."""
        self.into: str | None = None
        """Set: it is a tombstone, and forwards."""
        self.users = Users()
        """Of an account: how many it has, and what they answered."""
        self.heard: dict[str, Said] = {}
        """Of a user: what each of its accounts answered."""
        self.parted = Parted()
        self.fresh: dict[str, Any] = {}
        """What it is made of, where its profile shows what it was before it was taken apart: a part's data."""

    @property
    def profiles(self) -> set[str]:
        """In whose pages lies what it was made of, besides its own."""
        return {stretch.profile for stretch in self.lineage}

    def to_data(self) -> dict[str, Any]:
        """What lies in the item's `data`; sequence and version are attributes of their own."""
        parts: dict[str, Any] = {
            "c": self.compute.to_data(),
            "m": self.memory.to_data(),
            "n": self.events,
            "d": self.due,
            "h": self.hour,
            "into": self.into,
            "f": self.fresh,
        }
        if self.marks:
            parts["w"] = [[lane, str(sequence), place] for lane, (sequence, place) in self.marks.items()]
        if self.lineage:
            parts["l"] = [stretch.to_data() for stretch in self.lineage]
        if self.users:
            parts["u"] = self.users.to_data()
        if self.heard:
            parts["q"] = {account: said.to_data() for account, said in self.heard.items()}
        if self.parted:
            parts["p"] = self.parted.to_data()
        return {key: part for key, part in parts.items() if part}

    @classmethod
    def of_data(cls, sequence: int, version: int, data: Mapping[str, Any]) -> "State":
        state = cls(ComputeState.of_data(data.get("c", {})), Memory.of_data(data.get("m", {})))
        state.sequence = sequence
        state.version = version
        state.events = data.get("n", 0)
        state.due = data.get("d")
        state.hour = data.get("h", 0)
        if "w" in data:
            state.marks = {lane: (int(sequence), place) for lane, sequence, place in data["w"]}
        if "l" in data:
            state.lineage = [Stretch.of_data(stretch) for stretch in data["l"]]
        state.into = data.get("into")
        if "u" in data:
            state.users = Users.of_data(data["u"])
        if "q" in data:
            state.heard = {account: Said.of_data(said) for account, said in data["q"].items()}
        if "p" in data:
            state.parted = Parted.of_data(data["p"])
        state.fresh = data.get("f", {})
        return state
