"""Whatever the definitions, the histories and the moment: the batch says what the oracle and the stream say.

Each example is several histories in one database, and every definition of any of them is asked of every profile, so
that one query answers many questions.
"""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personas import batch
from personas.core.compute import monoids
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from tests.unit.compute.archived import database, fill, together
from tests.unit.compute.funnels import funnels
from tests.unit.compute.histories import History, histories, simple
from tests.unit.compute.oracle import Oracle
from tests.unit.compute.test_state_against_oracle import REDUCERS, said

pytestmark = pytest.mark.timeout(900)  # a few of the random definitions take DuckDB many seconds to plan
EXAMPLES = settings().max_examples
TOGETHER = 5
DATABASE = database()


def check(found: Sequence[History], at: int, most: int = monoids.LARGEST) -> int:
    """Answers how many profiles were computed in SQL alone."""
    definitions = together(found)
    compiled = DefinitionSet.of(1, definitions)
    fill(DATABASE, found)
    computed = {int(one.profile): one for one in batch.compute(DATABASE, compiled, at)}
    assert sorted(computed) == list(range(len(found)))
    for number, history in enumerate(found):
        values = said(computed[number].values)
        assert values == said(Oracle(definitions, history.events, history.traits, history.held, at, most).values())
        state = ComputeState()
        for event in history.events:
            state.add(compiled, event, min(event.at, at))
        assert values == said(state.evaluate(compiled, history.traits, history.held, at).values)
    return sum(not one.wild for one in computed.values())


@settings(max_examples=max(1, EXAMPLES // 10), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(histories | funnels, min_size=TOGETHER, max_size=TOGETHER))
def test_the_batch_says_what_the_oracle_and_the_stream_say(found: list[History]) -> None:
    check(found, found[0].at)


@settings(max_examples=max(1, EXAMPLES // 20), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(funnels, min_size=TOGETHER, max_size=TOGETHER))
def test_funnels_and_sessions_are_computed_in_sql_alone(found: list[History]) -> None:
    assert check(found, found[0].at) == TOGETHER


@settings(max_examples=max(1, EXAMPLES // 50), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.tuples(*map(simple, REDUCERS)))
def test_every_reducer_is_computed_in_sql_alone(found: tuple[History, ...]) -> None:
    assert check(found, found[0].at) == len(REDUCERS)


@settings(max_examples=max(1, EXAMPLES // 50), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(histories | funnels, min_size=TOGETHER, max_size=TOGETHER))
def test_more_distinct_values_than_are_kept_are_cut_as_by_the_others(found: list[History]) -> None:
    largest, monoids.LARGEST = monoids.LARGEST, 2
    try:
        check(found, found[0].at, most=2)
    finally:
        monoids.LARGEST = largest
