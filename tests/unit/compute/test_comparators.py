"""A comparator whose other side is fixed says what it says of any two."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from personas.core.compute.comparators import TESTS, against
from tests.unit.compute.histories import scalars, values

literals = scalars.filter(lambda value: value is not None)


@pytest.mark.parametrize("named", sorted(TESTS))
@given(value=values.filter(lambda value: value is not None), others=st.lists(literals, min_size=1, max_size=3))
@example(value=2**53, others=[2**53 + 1])
@example(value=float("inf"), others=[0])
@example(value=True, others=[1])
@example(value="25", others=[25.0])
@example(value=25.0, others=["25"])
def test_a_comparator_with_fixed_literals_says_the_same(named: str, value: object, others: list[object]) -> None:
    assert against(named, tuple(others))(value) is TESTS[named](value, tuple(others))
