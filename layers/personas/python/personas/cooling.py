"""Keep what is written with every batch small: what a state has too much of is moved into cold parts.

Invariant: the parts that a state or an envelope lists are written before it. Those of an envelope lie under the key of
its receiver, who takes them over as they are; so what is handed over is never too large for a record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

import orjson

from personas import profiles_stream
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
from personas.stores import cold, pages

HANDED_OVER = 200_000
"""Bytes of aggregates, before compression, that an envelope carries itself."""
TOGETHER = 20_000
"""Envelopes that are sent at a time: enough that few records carry them."""


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
        if isinstance(envelope, AbsorbEnvelope):
            envelope, parts = by_reference(envelope, definitions, state.hour * HOUR)
            items += parts
        found.append(Emission(emission.number, envelope))
    return found, items


def send(envelopes: Iterable[AbsorbEnvelope], definitions: DefinitionSet, now_ms: int) -> None:
    """Receivers know again what is sent again, by its key. Takes no more of them at a time than it sends together."""
    remaining = iter(envelopes)
    while together := list(islice(remaining, TOGETHER)):
        sent, items = [], []
        for envelope in together:
            envelope, parts = by_reference(envelope, definitions, now_ms)
            sent.append(envelope)
            items += parts
        pages.write(items)
        profiles_stream.send(sent)


def by_reference(
    envelope: AbsorbEnvelope, definitions: DefinitionSet, now_ms: int
) -> tuple[AbsorbEnvelope, list[Item]]:
    """The envelope as it is to be sent, and what is to be written before."""
    kept = envelope.state.get("c")
    if not kept or len(orjson.dumps(kept)) <= HANDED_OVER:
        return envelope, []
    compute = ComputeState.of_data(kept)
    compute.cold.gone = compute.cold.doomed
    limits = Limits(hot=0, part=splitting.LIMITS.part)
    parts = compute.shed(definitions, now_ms, envelope.profile, envelope.key, limits)
    small = replace(envelope, state={**envelope.state, "c": compute.to_data()})
    return small, cold.items(envelope.space, parts)
