"""Keep what is written with every batch small: what a state has too much of is moved into cold parts.

Invariant: the parts that a state or an envelope lists are written before it. Those of an envelope lie under the key of
its receiver, who takes them over as they are; so what is handed over is never too large for a record.
"""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from personas.core.compute import splitting
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.splitting import Limits
from personas.core.compute.state import ComputeState
from personas.core.envelope import AbsorbEnvelope
from personas.core.moments import HOUR
from personas.core.profile.delivery import Emission
from personas.core.profile.profile import collection_of
from personas.core.profile.state import State
from personas.profiles_table import Item
from personas.stores import cold

HANDED_OVER = 200_000
"""Bytes of aggregates, before compression, that an envelope carries itself."""


def shed(space: str, profile: str, state: State, definitions: DefinitionSet) -> list[Item]:
    """What is to be written before the state, which holds that much less."""
    kept, now_ms = definitions.kept(collection_of(profile)), state.hour * HOUR
    return cold.items(space, state.compute.shed(kept, now_ms, profile, str(state.sequence), splitting.LIMITS))


def handed_over(
    emissions: Sequence[Emission], definitions: DefinitionSet, state: State
) -> tuple[list[Emission], list[Item]]:
    """The emissions as they are to be sent, and what is to be written before."""
    found, items = [], []
    for emission in emissions:
        envelope = emission.envelope
        kept = envelope.state.get("c", {}) if isinstance(envelope, AbsorbEnvelope) else {}
        if isinstance(envelope, AbsorbEnvelope) and kept and len(orjson.dumps(kept)) > HANDED_OVER:
            compute = ComputeState.of_data(kept)
            compute.cold.gone = compute.cold.doomed
            limits = Limits(hot=0, part=splitting.LIMITS.part)
            parts = compute.shed(definitions, state.hour * HOUR, envelope.profile, envelope.key, limits)
            items += cold.items(envelope.space, parts)
            envelope = replace(envelope, state={**envelope.state, "c": compute.to_data()})
        found.append(Emission(emission.number, envelope))
    return found, items
