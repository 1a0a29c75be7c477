"""What cannot be handled is set aside alone, with its reason, and counts once it is replayed after the mend."""

import random
from typing import Any

import orjson
import pytest

from personas.core.compute.definition_set import DefinitionSet
from personas.core.envelope import AbsorbEnvelope, EventEnvelope
from personas.core.event import Event
from personas.core.lanes import lane_of
from personas.core.profile.acting import act
from personas.core.profile.delivery import Delivery, Outcome, Recalled
from personas.core.profile.stored import Stored
from personas.core.query.definition import Definition
from personas.stores import spaces
from tests.unit.profile.world import START, World, definition

ORDER = {"type": "track", "event": "Order"}
POISON = {"type": "identify", "traits": ["not", "an", "object"]}


def letters(world: World) -> list[dict[str, Any]]:
    return [orjson.loads(body) for (bucket, _), body in world.plane.objects.items() if bucket == "dead"]


def test_a_poison_event_harms_nothing_but_itself(world: World) -> None:
    world.define(definition("orders", "event('Order').count()"))
    for person in ("use_a", "use_b"):
        events = [
            world.event(f"{person}1", ORDER),
            world.event(f"{person}bad", POISON),
            world.event(f"{person}2", ORDER),
        ]
        world.send(*(world.resolved(person, event) for event in events))
    world.settle()
    assert [world.computed(person) for person in ("use_a", "use_b")] == [{"orders": 2}, {"orders": 2}]
    assert {letter["event"]["body"]["messageId"] for letter in letters(world)} == {"use_abad", "use_bbad"}
    assert {(letter["stage"], letter["error"]) for letter in letters(world)} == {("profiles", "AttributeError")}


def test_what_was_absorbed_beside_a_poison_event_counts_once(world: World) -> None:
    """The actor is asked again without the poison, with the same envelopes."""
    both = [("orders", "event('Order').count()"), ("most", "event('Order').mode(property('p'))")]
    world.define(*(definition(name, query) for name, query in both))
    order = {**ORDER, "properties": {"p": "x"}}
    world.send(world.resolved("use_b", world.event("soon", order, START + 60_000)))
    world.settle()
    events = [world.event("later", order, START + 60_000), world.event("bad", POISON)]
    world.send(world.merge("use_b", "use_a"))
    world.deliver([lane_of("use_b")], 500)
    world.send(*(world.resolved("use_a", event) for event in events))
    world.settle()
    world.clock.ms += 120_000
    assert world.computed("use_a") == {"orders": 2, "most": "x"}


def test_a_replay_after_the_mend_counts(world: World) -> None:
    world.send(world.resolved("use_a", world.event("m", POISON)))
    world.settle()
    world.send(world.resolved("use_a", world.event("m", {"type": "identify", "traits": {"plan": "pro"}})))
    world.settle()
    profile = world.stored("use_a")
    assert profile is not None
    assert (profile.values(), profile.events) == ({"plan": "pro"}, 1)


class Exploding(DefinitionSet):
    """Definitions with a formula that cannot bear a trait of the value `boom`."""

    class _Formula:
        definition = Definition("id", "key", "key", "computed_trait", "users", "trait('a')", 1)

        key = "key"

        def look(self, frame: Any) -> Any:
            if frame.trait("a") == "boom":
                raise ArithmeticError("boom")
            return frame.trait("a")

    def __init__(self) -> None:
        super().__init__(1, ())
        self.formulas["users"].append(self._Formula())  # type: ignore[arg-type]
        self._named["users"]["key"] = self._Formula.definition


def test_an_event_that_spoils_the_evaluation_is_found_out() -> None:
    def delivery(place: int, value: Any) -> Delivery:
        body = {"type": "identify", "messageId": f"m{place}", "traits": {"a": value}}
        event = Event("sp", "src", START + place, START, body)
        return Delivery((0, 7, place), EventEnvelope("use_a", event, ()), 1)

    deliveries = [delivery(0, "fine"), delivery(1, "boom"), delivery(2, "fine too"), delivery(3, "boom")]
    outcome = act(Stored("sp", "use_a"), deliveries, Recalled({0: DefinitionSet.empty(), 1: Exploding()}), START)
    assert isinstance(outcome, Outcome)
    assert outcome.profile is not None
    assert [letter.event.message_id for letter in outcome.dead] == ["m1", "m3"]
    assert [row.event.message_id for row in outcome.accepted] == ["m0", "m2"]
    assert outcome.profile.computed["key"].value == "fine too"


def test_an_envelope_of_ours_that_fails_fails_the_batch(world: World) -> None:
    world.send(AbsorbEnvelope(world.space, "use_a", "key", {"t": "nonsense"}))
    with pytest.raises(TypeError):
        world.settle()


def test_an_event_too_many_for_the_item_is_set_aside(world: World) -> None:
    noise = random.Random(1)
    for number in range(25):
        traits = {f"t{number}": noise.randbytes(16_000).hex()}
        world.send(world.resolved("use_a", world.event(f"m{number}", {"type": "identify", "traits": traits})))
        world.send(world.resolved("use_b", world.event(f"n{number}", ORDER)))
    while world.pending():
        world.deliver(list(world.plane.lanes), 2)
    large, small = world.stored("use_a"), world.stored("use_b")
    assert large is not None
    assert small is not None
    assert 20 <= large.events < 25
    assert large.events + len(letters(world)) == 25
    assert {letter["error"] for letter in letters(world)} == {"ProfileTooLarge"}
    assert small.events == 25


def test_what_can_succeed_later_is_delivered_again_from_the_first_record(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(world.resolved("use_a", world.event("m", ORDER)))
    refused = True
    real = world.plane.batch_get_item

    def throttled(**request: Any) -> Any:
        return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]} if refused else real(**request)

    monkeypatch.setattr(world.plane, "batch_get_item", throttled)
    assert not world.deliver(list(world.plane.lanes), 500)
    refused = False
    assert world.deliver(list(world.plane.lanes), 500)
    profile = world.stored("use_a")
    assert profile is not None
    assert profile.events == 1


def test_what_belongs_to_a_deleted_space_is_dropped(world: World) -> None:
    world.send(world.resolved("use_a", world.event("m", ORDER)))
    del world.plane.tables["control_table"][f"{world.space}#head", "head"]
    assert spaces.head(world.space) is None
    writes = world.plane.writes
    world.settle()
    assert world.plane.writes == writes
    assert world.read_up_to[lane_of("use_a")] == 1
