"""What is learnt of a space's columns does not depend on the order in which objects are looked at, nor on how often."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from personas.core.warehouse.schema import Schema

VALUES = st.one_of(st.none(), st.booleans(), st.integers(-5, 2**65), st.floats(-1, 1), st.sampled_from(["", "x"]))
KEYS = st.sampled_from(["id", "orderId", "order_id", "Order Id", "a.b", 'q"', "ü", "9"])
OBJECTS = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=3), lambda inner: st.dictionaries(KEYS, inner | VALUES, max_size=3)
)
CALLS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["track", "page", "identify", "group", "alias"]),
        "event": st.sampled_from(["Order Completed", "order completed", "Pages", "x" * 90]),
        "properties": OBJECTS,
        "traits": OBJECTS,
        "context": OBJECTS,
    }
)


def schema(calls: list[dict[str, Any]]) -> Schema:
    found = Schema()
    for one in calls:
        found.see_event(one)
        found.see_traits(one["traits"])
    return found


@given(st.lists(CALLS, max_size=6), st.lists(CALLS, max_size=6))
def test_uniting_is_order_free_repeatable_and_the_same_as_seeing_all(
    some: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    one, two = schema(some), schema(others)
    one.unite(schema(others))
    two.unite(schema(some))
    assert one.to_data() == two.to_data() == schema(some + others).to_data()
    one.unite(two)
    assert one.to_data() == two.to_data()
    assert Schema.of_data(one.to_data()).to_data() == one.to_data()
