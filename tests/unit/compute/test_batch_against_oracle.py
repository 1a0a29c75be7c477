"""Whatever the definitions, the histories and the moment: the batch says what the oracle and the stream say.

Each example is several histories in one database, and every definition of any of them is asked of every profile, so
that one query answers many questions. The events lie in several objects of the archive, each as it came or with some of
what definitions read, or all, taken out as columns.
"""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personas.core.compute import monoids
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from tests.unit.compute.archived import Objects, computed, database, fill, objects, together
from tests.unit.compute.funnels import funnels
from tests.unit.compute.histories import History, histories, simple
from tests.unit.compute.oracle import Oracle
from tests.unit.compute.test_state_against_oracle import REDUCERS, said

pytestmark = pytest.mark.timeout(900)  # each test is of many examples
EXAMPLES = settings().max_examples
TOGETHER = 5
DATABASE = database()
archives = st.none() | objects | objects


def check(found: Sequence[History], at: int, archive: Objects | None, most: int = monoids.LARGEST) -> int:
    """Answers how many profiles were computed in SQL alone."""
    definitions = together(found)
    compiled = DefinitionSet.of(1, definitions)
    fill(DATABASE, found)
    said_by_batch = {int(one.profile): one for one in computed(DATABASE, compiled, at, archive=archive)}
    assert sorted(said_by_batch) == list(range(len(found)))
    for number, history in enumerate(found):
        values = said(said_by_batch[number].values)
        assert values == said(Oracle(definitions, history.events, history.traits, history.held, at, most).values())
        state = ComputeState()
        for event in history.events:
            state.add(compiled, event, min(event.at, at))
        assert values == said(state.evaluate(compiled, history.traits, history.held, at).values)
    return sum(not one.wild for one in said_by_batch.values())


@settings(max_examples=max(1, EXAMPLES // 10), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(histories | funnels, min_size=TOGETHER, max_size=TOGETHER), archives)
def test_the_batch_says_what_the_oracle_and_the_stream_say(found: list[History], archive: Objects | None) -> None:
    check(found, found[0].at, archive)


@settings(max_examples=max(1, EXAMPLES // 20), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(funnels, min_size=TOGETHER, max_size=TOGETHER), archives)
def test_funnels_and_sessions_are_computed_in_sql_alone(found: list[History], archive: Objects | None) -> None:
    assert check(found, found[0].at, archive) == TOGETHER


@settings(max_examples=max(1, EXAMPLES // 50), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.tuples(*map(simple, REDUCERS)), archives)
def test_every_reducer_is_computed_in_sql_alone(found: tuple[History, ...], archive: Objects | None) -> None:
    assert check(found, found[0].at, archive) == len(REDUCERS)


@settings(max_examples=max(1, EXAMPLES // 50), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(histories | funnels, min_size=TOGETHER, max_size=TOGETHER), archives)
def test_more_distinct_values_than_are_kept_are_cut_as_by_the_others(
    found: list[History], archive: Objects | None
) -> None:
    largest, monoids.LARGEST = monoids.LARGEST, 2
    try:
        check(found, found[0].at, archive, most=2)
    finally:
        monoids.LARGEST = largest
