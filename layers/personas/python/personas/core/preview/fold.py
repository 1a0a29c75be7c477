"""The stream executor of previews: rows of the archive, folded by the code that folds live events.

Whoever evaluates the definition in another way has to give the same: of each subject the value, over the rows of its
contributors, each counted once for each time that it is a contributor, and less what was taken back.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.preview.subject import Subject
from personas.core.profile.delivery import Accepted
from personas.core.query.definition import Definition


def values(
    definitions: DefinitionSet,
    previewed: Definition,
    rows: Iterable[Accepted],
    subjects: Sequence[Subject],
    live: DefinitionSet,
    now_ms: int,
) -> Iterator[tuple[Subject, Any, bool]]:
    """Each subject with the value of the previewed definition, the only one of `definitions` (None: it has none), and
    whether more was to be kept for it than is.

    `live` are the space's definitions that are in force: what others are referred to by the previewed one.
    """
    states = _folded(definitions.kept(previewed.collection), rows, subjects, now_ms)
    nothing = ComputeState()
    for subject in subjects:
        profile = subject.profile
        state = states.pop(profile.id, nothing)
        evaluation = state.evaluate(
            definitions, subject.values(live), profile.held, now_ms, collection=previewed.collection
        )
        yield subject, evaluation.values.get(previewed.key), previewed.key in evaluation.capped


def _folded(
    kept: DefinitionSet, rows: Iterable[Accepted], subjects: Sequence[Subject], now_ms: int
) -> dict[str, ComputeState]:
    """By the subject's id; who has no rows has no state."""
    shares: dict[str, list[str]] = {}
    for subject in subjects:
        for contributor in subject.contributors:
            shares.setdefault(contributor, []).append(subject.profile.id)
    states: dict[str, ComputeState] = {}
    for row in rows:
        for profile in shares.get(row.profile, ()):
            state = states.get(profile)
            if state is None:
                state = states[profile] = ComputeState()
            if row.taken_back:
                state.retract(kept, row.event, now_ms)
            else:
                state.add(kept, row.event, now_ms)
    return states
