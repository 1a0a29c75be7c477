"""A profile as it was read: packed, and unpacked anew each time it is asked for, as what comes out may be changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from personas.core.compute.cold import ColdPart, Ref
from personas.core.profile.profile import Profile
from personas.core.profile.state import State
from personas.wire import unpack

CUT_BYTES = 100_000
"""Far less than half of what an item can hold."""


@dataclass(frozen=True, slots=True)
class Stored:
    space: str
    id: str
    v: int = 0
    profile_sequence: int = -1
    packed_profile: bytes | None = None
    state_sequence: int = -1
    version: int = 0
    """The version of the definitions with which it was last computed."""
    packed_state: bytes | None = None
    cold: Mapping[Ref, ColdPart] = field(default_factory=dict)
    """The cold parts that the state lists."""

    @property
    def profile(self) -> Profile:
        data = unpack(self.packed_profile) if self.packed_profile else {}
        return Profile.of_data(self.space, self.id, self.v, self.profile_sequence, data)

    @property
    def state(self) -> State:
        data = unpack(self.packed_state) if self.packed_state else {}
        state = State.of_data(self.state_sequence, self.version, data)
        state.compute.cold.load(self.cold)
        return state

    @property
    def lineage(self) -> tuple[str, ...]:
        """Of the state, without all else of it: whose stretches it is made of."""
        stretches = unpack(self.packed_state).get("l", ()) if self.packed_state else ()
        return tuple(dict.fromkeys(profile for profile, *_ in stretches))

    @property
    def may_be_cut(self) -> bool:
        """Whether values may have been cut (fitting.py): what was cut by halves until it fitted is large."""
        return self.packed_profile is not None and len(self.packed_profile) > CUT_BYTES

    def __bool__(self) -> bool:
        """Whether anything lies under the profile's key."""
        return self.packed_profile is not None or self.packed_state is not None
