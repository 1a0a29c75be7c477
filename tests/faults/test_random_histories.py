"""Whatever breaks, each event counts once and no tool is told an exit that is not true.

Random histories of a few people on a few devices go through the real handlers on the emulator, in random portions, with
workers that die after any write, batches that come again at every hop, batches that are halved, and Kinesis refusing
entries; people become known, so that profiles merge while events of the loser are in flight.
"""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .pipeline import STAGES, Pipeline
from .plane import SHARDS, Plane, running_plane

PEOPLE = ["ann", "ben", "cleo"]
EXAMPLES = settings().max_examples * 2 // 5
numbers = iter(range(1_000_000))


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with running_plane(tmp_path_factory.mktemp("emulator")) as running:
        yield running


calls = st.tuples(
    st.sampled_from(PEOPLE),
    st.integers(0, 2),  # the person's device
    st.sampled_from(["order", "order", "order", "known order", "identify", "email"]),
    st.integers(1, 9),  # revenue
)
portions = st.tuples(
    st.sampled_from(STAGES),
    st.integers(0, SHARDS - 1),
    st.integers(1, 4),  # records
    st.one_of(st.none(), st.none(), st.integers(1, 6)),  # writes until the worker dies
    st.booleans(),  # the checkpoint is lost
)
steps = st.lists(st.one_of(calls, portions, portions), min_size=4, max_size=24)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(history=steps, repeated=st.sets(st.integers(0, 23)), refusing=st.integers(0, 2**16))
def test_each_event_counts_once(plane: Plane, history: list[Any], repeated: set[int], refusing: int) -> None:
    pipeline = Pipeline(plane, f"fault{next(numbers)}")
    plane.refuse = lambda: False
    pipeline.open()
    pipeline.settle()
    dice = random.Random(refusing)
    plane.refuse = lambda: dice.random() < 0.1
    sent: dict[str, dict[str, Any]] = {}
    for place, step in enumerate(history):
        if len(step) == 4:
            call = as_call(f"m{place}", *step)
            sent[call["messageId"]] = call
            for _ in range(2 if place in repeated else 1):
                assert pipeline.send([call]) == 200
        else:
            stage, shard, records, lives, again = step
            pipeline.wake(stage, shard, records, lives, again)
    plane.refuse = lambda: False
    pipeline.settle()
    check(pipeline, list(sent.values()))


def as_call(message_id: str, person: str, device: int, kind: str, revenue: int) -> dict[str, Any]:
    call: dict[str, Any] = {"messageId": message_id, "anonymousId": f"{person}-{device}"}
    match kind:
        case "identify":
            return {**call, "type": "identify", "userId": person, "traits": {"plan": revenue}}
        case "email":
            return {**call, "type": "identify", "traits": {"email": f"{person}@example.com", "plan": revenue}}
    order = {**call, "type": "track", "event": "Order Completed", "properties": {"revenue": revenue}}
    return {**order, "userId": person} if kind == "known order" else order


def check(pipeline: Pipeline, sent: list[dict[str, Any]]) -> None:
    """Held against the calls and the identity graph alone: who an event belongs to, its anonymousId says."""
    roots = {call["messageId"]: pipeline.profile_of("anonymous_id", call["anonymousId"]) for call in sent}
    assert None not in roots.values()
    living = {profile.id: profile for profile in pipeline.living()}
    assert set(living) == set(roots.values())
    events = Counter(roots.values())
    orders: Counter[str | None] = Counter()
    revenue: Counter[str | None] = Counter()
    for call in sent:
        if call["type"] == "track":
            orders[roots[call["messageId"]]] += 1
            revenue[roots[call["messageId"]]] += call["properties"]["revenue"]
    for identifier, profile in living.items():
        computed = {key: entry.value for key, entry in profile.computed.items()}
        assert profile.events == events[identifier]
        assert computed.get("orders", 0) == orders[identifier]
        assert computed.get("revenue", 0) == revenue[identifier]
        assert computed.get("buyers", False) == (orders[identifier] >= 1)
        assert computed.get("regulars", False) == (orders[identifier] >= 2)
    people = {call["anonymousId"].split("-")[0] for call in sent if call.get("userId")}
    for person in people:
        assert len({roots[call["messageId"]] for call in sent if call.get("userId") == person}) == 1
    for audience, least in (("buyers", 1), ("regulars", 2)):
        assert pipeline.size_of(audience) == sum(count >= least for count in orders.values())
    assert not pipeline.exits
