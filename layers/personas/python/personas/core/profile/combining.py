"""What the users of one record tell the same account becomes one part, before it goes to the account's lane.

So a busy account takes in as many parts as there are records, however many of its users are in them. Invariant: only
parts of one record become one. A record is folded as a whole, and every part of a batch is sent before any state of it
is written: so what is told again of a record has no number above the one that the account has noted, however few of its
users tell it again.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from personas.core.compute.state import ComputeState
from personas.core.envelope import AbsorbEnvelope
from personas.core.profile.custom import CustomTraits, unite
from personas.core.profile.delivery import Emission, Number
from personas.core.profile.part import Part

TOLD = frozenset(("t", "i", "f", "la", "c", "b"))
"""What a part of a member for an account may say (see Part.to_data)."""


def combined(emissions: Iterable[Emission]) -> list[Emission]:
    """In the order of their numbers."""
    found: list[Emission] = []
    told: dict[tuple[str, int, int], list[AbsorbEnvelope]] = {}
    for emission in emissions:
        envelope = emission.envelope
        if isinstance(envelope, AbsorbEnvelope) and envelope.number and envelope.state.keys() <= TOLD:
            told.setdefault((envelope.profile, *envelope.number[:2]), []).append(envelope)
        else:
            found.append(emission)
    for envelopes in told.values():
        last = max(map(_number, envelopes))
        found.append(Emission(last, _one(envelopes, last)))
    return sorted(found, key=lambda emission: emission.number)


def share_key(account: str, number: Number) -> str:
    return ":".join(map(str, ("share", account, *number)))


def _one(envelopes: list[AbsorbEnvelope], number: Number) -> AbsorbEnvelope:
    first = envelopes[0]
    if len(envelopes) == 1:
        return first
    envelopes.sort(key=_number)
    state = _united([Part.of_data(envelope.state) for envelope in envelopes])
    return replace(first, key=share_key(first.profile, number), state=state, number=number)


def _united(parts: list[Part]) -> dict[str, Any]:
    custom: CustomTraits = {}
    identifiers: dict[str, tuple[str, ...]] = {}
    compute = ComputeState()
    for part in parts:
        unite(custom, part.custom)
        for kind, values in part.identifiers.items():
            identifiers[kind] = tuple(sorted({*identifiers.get(kind, ()), *values}))
        if part.compute:
            compute.absorb(ComputeState.of_data(part.compute))
    seen = [one for part in parts for one in (part.first, part.last) if one]
    return Part(
        custom=custom,
        identifiers=identifiers,
        first=min(seen, default=None),
        last=max(seen, default=None),
        compute=compute.to_data(),
        taken_back=tuple(back for part in parts for back in part.taken_back),
    ).to_data()


def _number(envelope: AbsorbEnvelope) -> Number:
    if envelope.number is None:
        raise TypeError("only numbered parts are combined")
    return envelope.number
