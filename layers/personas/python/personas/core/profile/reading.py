"""Reading a profile shows its windows as of now, whatever was stored when something last happened to it."""

from dataclasses import replace

from personas.core.compute.definition_set import DefinitionSet
from personas.core.moments import HOUR
from personas.core.profile.computing import computed_of
from personas.core.profile.linking import heard, level_of
from personas.core.profile.profile import Profile
from personas.core.profile.stored import Stored


def as_of(stored: Stored, definitions: DefinitionSet, now_ms: int) -> Profile:
    """The profile with its computed values evaluated at now. `definitions` are those of `stored.version`."""
    profile = stored.profile
    if profile.merged_into or stored.profile_sequence > stored.state_sequence:
        return profile  # a tombstone has no values; a state that lags behind its profile would turn them back
    state = stored.state
    if state.parted.awaited:
        return profile  # what it shows until it has its share
    at = max(now_ms, state.hour * HOUR)
    stand = {**{key: entry.value for key, entry in profile.computed.items()}, **profile.answers}
    answers, level = heard(state, profile, definitions), level_of(profile)
    evaluation = state.compute.evaluate(definitions, profile.values(), profile.held, at, level, answers, stand)
    return replace(profile, computed=computed_of(evaluation, definitions, profile.collection, profile.computed, at))
