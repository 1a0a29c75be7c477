"""What an actor carries over, because nothing touched it, is what evaluating everything says."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from personas import wire
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState, Evaluation
from personas.core.envelope import AbsorbEnvelope, Envelope, EventEnvelope, TickEnvelope
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.moments import HOUR, hour_of
from personas.core.profile.acting import act
from personas.core.profile.delivery import Delivery, Outcome, Recalled
from personas.core.profile.part import Part
from personas.core.profile.reading import as_of
from personas.core.profile.stored import Stored
from personas.core.profile.stretch import BEGINNING, Stretch
from tests.unit.compute.histories import definitions as some_definitions
from tests.unit.compute.histories import evaluations, scalars
from tests.unit.compute.histories import events as some_events
from tests.unit.compute.test_state_against_oracle import EXAMPLES

STEPS = ("event", "event", "event", "identify", "identifier", "tick", "absorb", "define")
PAUSES = (0, 1, HOUR // 2, HOUR, 3 * HOUR, 48 * HOUR)
traits = st.dictionaries(st.sampled_from(["c", "d0", "d1", "d9"]), scalars, max_size=2)


def kept(before: Stored, outcome: Outcome) -> Stored:
    """As it lies in the table after the outcome has been written."""
    profile, state = outcome.profile, outcome.state
    if profile:
        packed = wire.pack(profile.to_data(), 1)
        before = replace(before, v=profile.v, profile_sequence=profile.sequence, packed_profile=packed)
    if state:
        packed = wire.pack(state.to_data(), 1)
        before = replace(before, state_sequence=state.sequence, version=state.version, packed_state=packed)
    return before


def act_on(stored: Stored, deliveries: list[Delivery], recalled: Recalled, now: int) -> Stored:
    outcome = act(stored, deliveries, recalled, now)
    assert isinstance(outcome, Outcome)
    assert not outcome.dead
    return kept(stored, outcome)


def envelope(step: str, body: Event, number: int, now: int, data: st.DataObject, recalled: Recalled) -> Envelope:
    call = {**body.body, "messageId": f"m{number}"}
    identifiers: tuple[Identifier, ...] = ()
    if step == "tick":
        return TickEnvelope("sp", "use_a", hour_of(now))
    if step == "identify":
        call = {"type": "identify", "messageId": f"m{number}", "traits": data.draw(traits)}
    if step == "identifier":
        identifiers = (Identifier("email", f"{number}@x"),)
    event = EventEnvelope("use_a", Event("sp", "src", body.at, now, call), identifiers)
    if step != "absorb":
        return event
    other = act(Stored("sp", "use_b"), [Delivery((1, number, 0), event._replace(profile="use_b"), 1)], recalled, now)
    assert isinstance(other, Outcome)
    assert other.profile
    assert other.state
    part = Part.of_merged(other.profile, other.state, Stretch("use_b", BEGINNING, (number, 1)), (), now)
    assert part
    return AbsorbEnvelope("sp", "use_a", f"merge:{number}", part.to_data())


def told(stored: Stored) -> bytes:
    profile = stored.profile
    shown = {key: [entry.value, entry.version, entry.capped] for key, entry in profile.computed.items()}
    return orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)


@settings(max_examples=EXAMPLES // 10 or 1, deadline=None)
@given(some_definitions(), some_definitions(), evaluations, st.data())
def test_what_is_carried_over_is_what_evaluating_everything_says(
    first: Any, second: Any, now: int, data: st.DataObject
) -> None:
    recalled = Recalled({1: DefinitionSet.of(1, first), 2: DefinitionSet.of(2, second)})
    stored, version = Stored("sp", "use_a"), 1
    numbers: Iterator[int] = count(1)
    for step in data.draw(st.lists(st.sampled_from(STEPS), max_size=12), label="steps"):
        now += data.draw(st.sampled_from(PAUSES), label="time passes")
        if step == "define":
            version = 2
            continue
        number = next(numbers)
        given_envelope = envelope(step, data.draw(some_events()), number, now, data, recalled)
        stored = act_on(stored, [Delivery((0, number, 0), given_envelope, version)], recalled, now)  # type: ignore[arg-type]
        if stored:
            whole = as_of(stored, recalled.definitions[stored.version], now)
            wanted = {key: [entry.value, entry.version, entry.capped] for key, entry in whole.computed.items()}
            assert told(stored) == orjson.dumps(wanted, option=orjson.OPT_SORT_KEYS)


def test_a_list_in_which_1_became_true_has_changed() -> None:
    from tests.unit.profile.world import definition

    last = definition("last", "event('A').last(property('p'))")
    said = definition("said", "trait('last').contains('true')", kind="audience")
    recalled = Recalled({1: DefinitionSet.of(1, [last, said])})
    stored = Stored("sp", "use_a")
    for number, value in enumerate(([1], [True]), 1):
        body = {"type": "track", "event": "A", "messageId": f"m{number}", "properties": {"p": value}}
        event = EventEnvelope("use_a", Event("sp", "src", number, number, body), (Identifier("user_id", "a"),))
        stored = act_on(stored, [Delivery((0, number, 0), event, 1)], recalled, number)
    assert {key: (entry.value, entry.since) for key, entry in stored.profile.computed.items()} == {
        "last": ([True], 2),
        "said": (True, 2),
    }


def test_what_nothing_touched_is_not_even_unpacked(monkeypatch: Any) -> None:
    """The point of it: an event costs what looks at it, in a space of any size."""
    from tests.unit.profile.world import START, definition

    both = [definition(name, f"event('{name}').count()") for name in ("A", "B")]
    recalled = Recalled({1: DefinitionSet.of(1, both)})
    evaluated: list[Evaluation] = []
    real = ComputeState.evaluate_touched

    def noted(self: ComputeState, *given: Any) -> Evaluation:
        evaluated.append(real(self, *given))
        return evaluated[-1]

    monkeypatch.setattr(ComputeState, "evaluate_touched", noted)
    stored = Stored("sp", "use_a")
    for number, name in enumerate("ABAA"):
        body = {"type": "track", "event": name, "messageId": f"m{number}"}
        event = EventEnvelope("use_a", Event("sp", "src", START, START, body), ())
        stored = act_on(stored, [Delivery((0, number, 0), event, 1)], recalled, START)
    assert [found.evaluated for found in evaluated] == [{"B"}, {"A"}, {"A"}]
    assert {key: entry.value for key, entry in stored.profile.computed.items()} == {"A": 3, "B": 1}
