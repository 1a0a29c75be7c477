"""A table of states with their cold parts, as a profile's batches read and write them, for tests of computing alone."""

from dataclasses import dataclass, field
from itertools import count

import orjson

from personas.core.compute.cold import ColdPart, Ref
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.splitting import Limits
from personas.core.compute.state import ComputeState

TINY = (Limits(hot=0, part=1), Limits(hot=0, part=200), Limits(hot=40, part=60))
"""A state that sheds nearly whenever it is written."""


@dataclass
class ColdTable:
    limits: Limits | None
    """None: nothing is ever shed."""
    items: dict[Ref, bytes] = field(default_factory=dict)
    nonces: "count[int]" = field(default_factory=count)

    def written(self, state: ComputeState, definitions: DefinitionSet, now: int, owner: str = "use_1") -> ComputeState:
        """As it comes back from the table."""
        if self.limits:
            state.prune(definitions, now)
            parts = state.shed(definitions, now, owner, str(next(self.nonces)), self.limits)
            self.items |= {ref: orjson.dumps(part.data) for ref, part in parts.items()}
        for ref in state.cold.doomed:
            self.items.pop(self._lying(ref))
        return self.read(orjson.dumps(state.to_data()))

    def read(self, data: bytes) -> ComputeState:
        state = ComputeState.of_data(orjson.loads(data))
        parts = {ref: ColdPart(orjson.loads(self.items[self._lying(ref)])) for ref in state.cold.refs}
        assert state.cold.load(parts) == ()
        return state

    def _lying(self, ref: Ref) -> Ref:
        return next(one for one in self.items if (one.owner, one.name) == (ref.owner, ref.name))
