"""From what an evaluation says to what the profile holds.

Invariant: a value that did not change keeps the moment since which it stands.
"""

from collections.abc import Mapping

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import Evaluation
from personas.core.profile.custom import CustomTraits, Stamp, set_traits
from personas.core.profile.profile import Computed
from personas.core.values import same


def computed_of(
    evaluation: Evaluation, definitions: DefinitionSet, collection: str, held: Mapping[str, Computed], now_ms: int
) -> dict[str, Computed]:
    """Who never was a member has no entry for the audience; who was one keeps it, as False (docs/rules.md).

    What the evaluation is not about stays as it is held, and so does what waits for the answers of others.
    """
    named, values = definitions.named(collection), evaluation.values
    found: dict[str, Computed] = {}
    if evaluation.evaluated is not None:
        found.update(held)
        for key in evaluation.evaluated - values.keys():
            found.pop(key, None)
    for key in evaluation.open & held.keys() & named.keys():
        if held[key].definition == named[key].id:
            found[key] = held[key]
    for key, value in values.items():
        definition = named.get(key)
        if definition is None:  # a question, which others are answered
            continue
        before = held.get(key)
        if before is not None and before.definition != definition.id:
            before = None
        if before is None and value is False and definition.kind == "audience":
            found.pop(key, None)
            continue
        capped = key in evaluation.capped
        since = now_ms
        if before is not None and type(before.value) is type(value) and same(before.value, value):
            since = before.since
            if before.version == definition.version and before.capped == capped and before.kind == definition.kind:
                found[key] = before
                continue
        found[key] = Computed(key, definition.id, definition.kind, definition.version, value, since, capped)
    return found


def answered(
    evaluation: Evaluation, definitions: DefinitionSet, collection: str, held: Mapping[str, bool]
) -> dict[str, bool]:
    """What the profile answers to those that are linked with it: nothing where it does not know yet."""
    found: dict[str, bool] = {}
    for question, key in definitions.answering(collection).items():
        stands = key in evaluation.open or (evaluation.evaluated is not None and key not in evaluation.evaluated)
        answer = held.get(question) if stands else evaluation.values.get(key) is True
        if answer is not None:
            found[question] = answer
    return found


def keep_as_custom(
    custom: CustomTraits, held: Mapping[str, Computed], definitions: DefinitionSet, collection: str
) -> None:
    """The value of a computed trait whose definition was deleted stays as a custom one (docs/rules.md)."""
    named = definitions.named(collection)
    for key, entry in held.items():
        if key not in named and entry.kind == "computed_trait":
            set_traits(custom, {key: entry.value}, Stamp(entry.since, entry.since, "", entry.definition))
