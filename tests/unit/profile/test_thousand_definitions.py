"""In a space with a thousand definitions an event costs what it touches.

Held by the steps that are taken, as the interpreter counts them, so that no machine's speed matters.
"""

import sys
from types import FrameType
from typing import Any

from personas import documents, wire
from personas.core.compute.definition_set import DefinitionSet
from personas.core.envelope import EventEnvelope
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.profile.acting import act
from personas.core.profile.delivery import Delivery, Outcome, Recalled
from personas.core.profile.stored import Stored
from personas.core.query.definition import Definition
from personas.stores import definitions as snapshots
from personas.uncollected import uncollected
from tests.unit.profile.world import START, definition

TOUCHED = ("orders", "spend", "buyers")


def definitions(count: int) -> list[Definition]:
    """Three look at orders, the others at other events or at traits that nobody has."""
    found = [
        definition("orders", "event('Order').within(30 days).count()"),
        definition("spend", "event('Order').sum(property('price'))"),
        definition("buyers", "trait('orders') >= 1", kind="audience"),
    ]
    for number in range(3, count):
        name = f"other_{number}"
        if number % 3:
            found.append(definition(name, f"event('Other {number}').within(7 days).count()"))
        else:
            found.append(definition(name, f"trait('trait_{number}') = 'yes'", kind="audience"))
    return found


def order(number: int) -> Delivery:
    body = {"type": "track", "event": "Order", "messageId": f"m{number}", "properties": {"price": 5}}
    event = Event("sp", "src", START + number, START + number, body)
    return Delivery((0, number, 0), EventEnvelope("use_a", event, (Identifier("user_id", "a"),)), 1)


def acted(stored: Stored, number: int, recalled: Recalled) -> Outcome:
    outcome = act(stored, [order(number)], recalled, START + number)
    assert isinstance(outcome, Outcome)
    return outcome


def steps_of_the_third_order(count: int) -> tuple[int, dict[str, Any]]:
    """As on a warm worker. The first event of a profile has everything evaluated; the second warms the definitions."""
    recalled = Recalled({1: DefinitionSet.of(1, definitions(count))})
    stored = Stored("sp", "use_a")
    for number in (1, 2):
        outcome = acted(stored, number, recalled)
        assert outcome.profile
        assert outcome.state
        packed = wire.pack(outcome.profile.to_data()), wire.pack(outcome.state.to_data())
        stored = Stored("sp", "use_a", number, number, packed[0], number, 1, packed[1])
    steps = 0

    def count_step(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal steps
        steps += event == "line"
        return count_step

    before = sys.gettrace()
    with uncollected():  # others are called when the garbage collector runs: hypothesis notes the time that it takes
        sys.settrace(count_step)
        try:
            outcome = acted(stored, 3, recalled)
        finally:
            sys.settrace(before)
    assert outcome.profile
    return steps, {key: entry.value for key, entry in outcome.profile.computed.items()}


def test_an_event_takes_as_many_steps_among_a_thousand_definitions_as_among_ten() -> None:
    few, values = steps_of_the_third_order(10)
    assert values == {"orders": 3, "spend": 15, "buyers": True}
    assert steps_of_the_third_order(1_000) == (few, values)


def test_a_snapshot_of_a_thousand_comes_back_as_it_was_and_fits_the_parts_of_one_transaction() -> None:
    words = [f"{number * 7919 % 999_983:06d}" for number in range(5_000)]  # which do not compress
    large = [
        definition(
            f"a_{number}",
            " AND ".join(f"event('{word}').count() >= 1" for word in words[number * 5 : number * 5 + 5]),
            kind="audience",
        )
        for number in range(1_000)
    ]
    compiled = DefinitionSet.of(1, large)
    packed = snapshots.packed(compiled)
    assert len(packed) < documents.MAX_DATA * snapshots.MAX_PARTS
    assert snapshots.unpacked(packed).to_data() == compiled.to_data()


def test_an_event_is_looked_at_for_what_it_touches_only() -> None:
    compiled = DefinitionSet.of(1, definitions(1_000))
    listening = compiled.listening("Order")
    assert listening
    assert len(listening.all) == 2, "a window's count and a sum"
    assert not compiled.listens("Anything else")
