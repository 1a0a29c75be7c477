"""The stream executor of previews: rows of the archive, folded by the code that folds live events.

Whoever evaluates the definition in another way has to give the same: of each subject the values, over the rows of its
contributors, each counted once for each time that it is a contributor, and less what was taken back.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState, Evaluation
from personas.core.preview.subject import Subject
from personas.core.profile.delivery import Accepted

Owner = Callable[[Accepted], str]


def events_of(definitions: DefinitionSet, level: str) -> set[str]:
    """The names of the events at which this level's definitions look."""
    needed = {aggregate for formula in definitions.formulas[level] for aggregate in formula.needs}
    return {definitions.aggregates[aggregate].event for aggregate in needed}


def values(
    definitions: DefinitionSet,
    level: str,
    rows: Iterable[Accepted],
    subjects: Sequence[Subject],
    live: DefinitionSet,
    now_ms: int,
    owner: Owner = lambda row: row.profile,
) -> Iterator[tuple[Subject, Evaluation]]:
    """Each subject with what `definitions` say of it, by key: those of `users`, of `accounts`, or of `members` the
    answers to what the definitions of accounts ask.

    `live` are the space's definitions that are in force: what others are referred to by these. `owner` says which of
    the contributors a row is of.
    """
    kept = definitions.told if level == "accounts" else definitions
    states = _folded(kept, rows, subjects, now_ms, owner)
    nothing = ComputeState()
    for subject in subjects:
        state, traits = states.pop(subject.profile.id, nothing), subject.values(live)
        yield subject, state.evaluate(definitions, traits, subject.profile.held, now_ms, level, subject.answers)


def _folded(
    kept: DefinitionSet, rows: Iterable[Accepted], subjects: Sequence[Subject], now_ms: int, owner: Owner
) -> dict[str, ComputeState]:
    """By the subject's id; who has no rows has no state."""
    shares: dict[str, list[str]] = {}
    for subject in subjects:
        for contributor in subject.contributors:
            shares.setdefault(contributor, []).append(subject.profile.id)
    states: dict[str, ComputeState] = {}
    for row in rows:
        for profile in shares.get(owner(row), ()):
            state = states.get(profile)
            if state is None:
                state = states[profile] = ComputeState()
            if row.taken_back:
                state.retract(kept, row.event, now_ms)
            else:
                state.add(kept, row.event, now_ms)
    return states
