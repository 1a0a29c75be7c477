"""Whom a change of definitions concerns: every profile, or only those with events of certain names.

A definition of users that is new and asks only for events says nothing of a profile that has none of these, where it
is an audience in which nobody is who never did anything. Such a profile has nothing to be evaluated anew.

>>> bought = Definition("aud_1", "bought", "Bought", "audience", "users", "event('Order').count() >= 1", 1)
>>> idle = Definition("aud_2", "idle", "Idle", "audience", "users", "event('Visit').count() = 0", 1)
>>> before, after = DefinitionSet.of(1, [bought]), DefinitionSet.of(2, [bought, idle])
>>> sorted(events_concerned([DefinitionSet.empty(), before])), events_concerned([before, after])
(['Order'], None)
"""

from collections.abc import Sequence

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.formula import Formula
from personas.core.compute.state import ComputeState
from personas.core.query.definition import Definition
from personas.core.query.tree import Trait
from personas.core.query.walking import walk


def events_concerned(history: Sequence[DefinitionSet]) -> frozenset[str] | None:
    """Names of events: of a profile without any of these all that stands holds further on. None: of no profile.

    `history` is every version since the one with which all profiles were evaluated, up to the one in force.
    """
    first, last = history[0], history[-1]
    if any(_live(one) - _live(last) or one.promotions.mappings != last.promotions.mappings for one in history):
        return None
    if last.asked_of_members != first.asked_of_members or last.asked_of_accounts != first.asked_of_accounts:
        return None
    known = _live(first)
    added = [formula for formula in _formulas(last) if formula.definition not in known]
    keys = {formula.definition.key for formula in added}
    read = {key for formula in (*_formulas(last), *last.formulas["members"]) for key in _read(formula)}
    if read & keys or any(formula.definition.collection != "users" or _read(formula) for formula in added):
        return None
    if _of_nothing(last, keys):
        return None
    return frozenset(last.aggregates[needed].event for formula in added for needed in formula.needs)


def _formulas(definitions: DefinitionSet) -> list[Formula]:
    return [*definitions.formulas["users"], *definitions.formulas["accounts"]]


def _live(definitions: DefinitionSet) -> set[Definition]:
    return {formula.definition for formula in _formulas(definitions)}


def _read(formula: Formula) -> set[str]:
    return {node.key for node in walk(formula.tree) if isinstance(node, Trait)}


def _of_nothing(definitions: DefinitionSet, keys: set[str]) -> bool:
    """Whether any of them says anything, other than that it is no member, of a profile to which nothing happened."""
    types = {type_ for formula in definitions.formulas["users"] for type_ in formula.definition.options.external_ids}
    values = ComputeState().evaluate(definitions, {}, types, at_ms=0).values
    return any(values.get(key) not in (None, False) for key in keys)
