"""Custom traits: the newest by event time wins, whatever the order; removal is remembered."""

from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from personas.core.event import Event
from personas.core.profile.custom import CustomTraits, Stamp, of_data, set_traits, to_data, unite
from tests.unit.profile.world import START, World

VALUES = st.sampled_from([None, "", 0, False, [], {}, "x", 1.5, {"a": [1]}])
calls = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.dictionaries(st.sampled_from("ab"), VALUES)), max_size=4
)


def folded(events: list[Event]) -> CustomTraits:
    traits: CustomTraits = {}
    for event in events:
        set_traits(traits, event.traits, Stamp.of(event))
    return traits


@given(calls)
def test_any_order_and_any_split_gives_the_same(calls: list[tuple[int, int, dict[str, Any]]]) -> None:
    events = [
        Event("sp", "src", at, received, {"type": "identify", "messageId": str(place), "traits": traits})
        for place, (at, received, traits) in enumerate(calls)
    ]
    wanted = folded(events)
    for order in permutations(events):
        assert folded(list(order)) == wanted
        halves = folded(list(order[:2]))
        unite(halves, folded(list(order[2:])))
        assert halves == wanted
    assert of_data(to_data(wanted)) == wanted


def identify(world: World, message_id: str, at: int, **traits: Any) -> None:
    event = world.event(message_id, {"type": "identify", "traits": traits}, START + at)
    world.send(world.resolved("use_a", event))
    world.settle()


def values(world: World) -> dict[str, Any]:
    profile = world.stored("use_a")
    assert profile is not None
    return profile.values()


def test_null_removes_and_older_calls_do_not_bring_back(world: World) -> None:
    identify(world, "m1", 1, plan="free", city="Ulm")
    identify(world, "m2", 3, plan=None)
    identify(world, "m3", 2, plan="pro", city="Bonn")
    assert values(world) == {"city": "Bonn"}
    identify(world, "m4", 4, plan="team")
    assert values(world) == {"city": "Bonn", "plan": "team"}


def test_empty_values_are_values(world: World) -> None:
    identify(world, "m1", 1, a=1, b=1, c=1, d=1)
    identify(world, "m2", 2, a="", b=0, c=False, d=[])
    assert values(world) == {"a": "", "b": 0, "c": False, "d": []}


def test_objects_are_replaced_whole(world: World) -> None:
    identify(world, "m1", 1, address={"city": "Ulm", "zip": "1"})
    identify(world, "m2", 2, address={"city": "Bonn"})
    assert values(world) == {"address": {"city": "Bonn"}}


def test_only_identify_calls_write_traits_of_a_user(world: World) -> None:
    body = {"type": "track", "event": "X", "context": {"traits": {"plan": "pro"}}, "properties": {"plan": "pro"}}
    world.send(world.resolved("use_a", world.event("m1", body)))
    world.send(world.resolved("use_a", world.event("m2", {"type": "group", "groupId": "g", "traits": {"size": 3}})))
    world.settle()
    assert values(world) == {}
