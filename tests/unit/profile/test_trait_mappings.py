"""Trait mappings: what an event carries becomes a custom trait, the newest by event time winning, once it is live."""

from typing import Any

from personas import barriers
from personas.core.compute.trait_mapping import TraitMapping
from personas.stores import definitions
from personas.stores.definitions import Change
from tests.unit.profile.world import START, World


def mapping(path: str, trait: str, event: str | None = None, call: str | None = None) -> TraitMapping:
    return TraitMapping.of(f"map_{trait}_{event}_{call}", event=event, call=call, path=path, trait=trait, created=0)


def announce(world: World, change: Change) -> None:
    barriers.send(world.space, definitions.change(world.space, lambda *_: change))
    world.settle()


def send(world: World, message_id: str, at: int, profile: str = "use_a", **body: Any) -> None:
    world.send(world.resolved(profile, world.event(message_id, body, START + at)))
    world.settle()


def values(world: World, profile: str = "use_a") -> dict[str, Any]:
    stored = world.stored(profile)
    assert stored is not None
    return stored.values()


def order(**properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "properties": properties}


def test_a_mapped_property_becomes_a_trait_from_its_barrier_on(world: World) -> None:
    send(world, "m1", 1, **order(to={"city": "Ulm"}))
    announce(world, Change(mapped=(mapping("properties.to.city", "city", event="Order Completed"),)))
    assert values(world) == {}
    send(world, "m2", 3, **order(to={"city": "Bonn"}))
    stored = world.stored("use_a")
    assert stored
    trait = stored.traits()["city"]
    assert (trait.value, trait.at, trait.kind, trait.source) == ("Bonn", START + 3, "custom", "src")
    send(world, "m3", 2, **order(to={"city": "Late"}))
    send(world, "m4", 4, **order(to={"city": None}))
    send(world, "m5", 5, **order())
    send(world, "m6", 6, type="track", event="Another", properties={"to": {"city": "Kiel"}})
    assert values(world) == {"city": "Bonn"}


def test_context_traits_and_calls_of_a_kind_can_be_mapped(world: World) -> None:
    mapped = (
        mapping("context.traits.plan", "plan", call="track"),
        mapping("context.locale", "locale", call="identify"),
        mapping("properties.page_name", "last_page", event="Page Viewed"),
        mapping("traits.size", "company_size", call="group"),
    )
    announce(world, Change(mapped=mapped))
    send(world, "m1", 1, type="track", event="X", context={"traits": {"plan": "pro"}, "locale": "de"})
    send(world, "m2", 2, type="identify", traits={"seats": 0}, context={"locale": "sv"})
    send(world, "m3", 3, type="page", name="Home")
    send(world, "m4", 4, type="group", groupId="g", traits={"size": False})
    assert values(world) == {"plan": "pro", "locale": "sv", "seats": 0, "last_page": "Home", "company_size": False}


def test_an_identify_call_and_a_mapping_compete_by_event_time(world: World) -> None:
    announce(world, Change(mapped=(mapping("properties.plan", "plan", event="Order Completed"),)))
    send(world, "m1", 5, **order(plan="pro"))
    send(world, "m2", 4, type="identify", traits={"plan": "free"})
    assert values(world) == {"plan": "pro"}
    send(world, "m3", 6, type="identify", traits={"plan": None})
    assert values(world) == {}


def test_a_call_s_own_trait_wins_over_what_is_promoted_of_it(world: World) -> None:
    announce(world, Change(mapped=(mapping("context.plan", "plan", call="identify"),)))
    send(world, "m1", 1, type="identify", traits={"plan": "own"}, context={"plan": "promoted"})
    assert values(world) == {"plan": "own"}


def test_a_deleted_mapping_leaves_its_traits_and_sets_no_more(world: World) -> None:
    one = mapping("properties.city", "city", event="Order Completed")
    announce(world, Change(mapped=(one,)))
    send(world, "m1", 1, **order(city="Ulm"))
    announce(world, Change(unmapped=(one.id,)))
    send(world, "m2", 2, **order(city="Bonn"))
    assert values(world) == {"city": "Ulm"}
