"""States that have much to keep: they stay small, lose nothing, hand over what they have, leave nothing lying about."""

from hashlib import sha1
from typing import Any

import pytest

from personas.core.compute.cold import Ref
from personas.core.moments import DAY, HOUR
from personas.core.profile.stored import Stored
from personas.stores import cold, profiles
from tests.unit.profile.world import World, definition

PLACES = definition("places", "event('Order').unique(property('place'))")
PLACES_TOO = definition("places_too", "event('Order').where(property('place').exists()).unique(property('place'))")
ESSAYS = definition("essays", "event('Order').unique(property('essay'))")
AUTHORS = definition("authors", "trait('plan') = 'pro' AND trait('essays').contains('004499000 ')", "audience")
NUMBER_OF_ESSAYS = definition("number", "event('Order').unique(property('essay')).count()")
COUNTED = definition("counted", "event('Order').count()")
RECENT = definition("recent", "event('Order').within(2 days).unique(property('place')).count()")
OF_ACCOUNT = definition("all_places", "event('Order').unique(property('place'))", collection="accounts")
LARGEST_ITEM = 400_000


def place(number: int) -> str:
    return f"{number:09d} {int.from_bytes(sha1(str(number).encode()).digest()):040x}"


def order(world: World, profile: str, numbers: range, **group: Any) -> None:
    for start in range(numbers.start, numbers.stop, 500):
        some = range(start, min(start + 500, numbers.stop))
        body = {"type": "track", "event": "Order"}
        events = [
            world.event(f"{profile} {number}", {**body, "properties": {"place": place(number)}}) for number in some
        ]
        world.send(*(world.resolved(profile, event) for event in events))
        world.settle()


def join(world: World, profile: str, account: str) -> None:
    body = {"type": "group", "groupId": account, "userId": profile}
    world.send(world.resolved(profile, world.event(f"{profile} joins", body), account))
    world.settle()


def read(world: World, profile: str) -> Stored:
    found = profiles.read(world.space, profile)
    assert found is not None
    return found


def refs(world: World, profile: str) -> tuple[Ref, ...]:
    return read(world, profile).state.compute.cold.refs


def lying(world: World) -> set[tuple[str, str]]:
    """Owner and name of each part."""
    keys = [key for key in world.plane.tables["profiles_table"] if key[1].startswith("cold#")]
    return {(pk.split("#p#")[1], sk.removeprefix("cold#")) for pk, sk in keys}


def listed(world: World, *ids: str) -> set[tuple[str, str]]:
    """What their states list, or say is to be deleted with the next write."""
    colds = [read(world, profile).state.compute.cold for profile in ids]
    return {(ref.owner, ref.name) for one in colds for ref in (*one.refs, *one.doomed)}


def largest(world: World) -> int:
    return max(len(item["data"]["B"]) for item in world.plane.tables["profiles_table"].values() if "data" in item)


def state_size(world: World, profile: str) -> int:
    return len(read(world, profile).packed_state or b"")


def test_a_state_that_would_outgrow_its_item_is_split_and_says_the_same(world: World) -> None:
    world.define(PLACES, COUNTED, RECENT)
    order(world, "use_a", range(9_500))
    values = world.computed("use_a", World.now)
    assert (len(values["places"]), values["counted"], values["recent"]) == (9_500, 9_500, 9_500)
    assert values == world.computed("use_a", World.stored)
    parts = refs(world, "use_a")
    kept = sum(ref.size for ref in parts)
    print(
        f"\n9,500 places: a state of {state_size(world, 'use_a')} bytes, {len(parts)} cold parts of {kept} bytes in all"
    )
    assert kept + state_size(world, "use_a") > LARGEST_ITEM  # an item could not hold it
    assert largest(world) < LARGEST_ITEM
    assert state_size(world, "use_a") < 60_000
    assert lying(world) == listed(world, "use_a")


def test_what_was_counted_before_is_counted_on_and_taken_back(world: World) -> None:
    world.define(PLACES, COUNTED)
    order(world, "use_a", range(3_000))
    assert refs(world, "use_a")
    order(world, "use_a", range(2_900, 3_100))
    assert world.computed("use_a")["counted"] == 3_100
    assert len(world.computed("use_a")["places"]) == 3_100


def test_parts_end_with_the_window_that_saw_them(world: World) -> None:
    world.define(RECENT)
    for start in (0, 3_000):
        order(world, "use_a", range(start, start + 3_000))
        world.clock.ms += DAY
    assert world.computed("use_a", World.now)["recent"] == 6_000
    for hours in (1, 24, 1, 24, 1):
        world.clock.ms += hours * HOUR
        world.recompute()
        world.settle()
    assert world.computed("use_a")["recent"] == 0
    assert refs(world, "use_a") == ()
    order(world, "use_a", range(1))
    assert lying(world) == set()


def test_parts_go_with_the_definitions_that_asked_for_what_is_in_them(world: World) -> None:
    world.define(PLACES, COUNTED)
    order(world, "use_a", range(3_000))
    assert refs(world, "use_a")
    world.define(COUNTED)
    order(world, "use_a", range(3_000, 3_001))
    assert refs(world, "use_a") == ()
    order(world, "use_a", range(3_001, 3_002))
    assert lying(world) == set()
    assert world.computed("use_a")["counted"] == 3_002


def test_a_merged_profile_hands_its_parts_over_by_reference(world: World) -> None:
    world.define(PLACES, COUNTED)
    order(world, "use_a", range(2_000, 5_000))
    order(world, "use_b", range(3_000))
    handed = {(ref.owner, ref.name) for ref in refs(world, "use_b")}
    world.send(world.merge("use_b", "use_a"))
    world.settle()
    values = world.computed("use_a", World.now)
    assert (len(values["places"]), values["counted"]) == (5_000, 6_000)
    assert handed <= {(ref.owner, ref.name) for ref in refs(world, "use_a")} | listed(world, "use_a")
    assert refs(world, "use_b") == ()
    order(world, "use_a", range(5_000, 9_000))
    assert len(world.computed("use_a", World.now)["places"]) == 9_000
    assert "use_b" not in {owner for owner, _ in lying(world)}
    assert lying(world) == listed(world, "use_a", "use_b")


def test_who_joins_an_account_brings_much_without_giving_it_away(world: World) -> None:
    world.define(PLACES, OF_ACCOUNT)
    order(world, "use_a", range(6_000))
    join(world, "use_a", "acc_x")
    order(world, "use_a", range(6_000, 6_100))
    assert len(world.computed("use_a", World.now)["places"]) == 6_100
    assert len(world.computed("acc_x", World.now)["all_places"]) == 6_100
    assert {ref.owner for ref in refs(world, "acc_x")} == {"acc_x"}
    assert lying(world) == listed(world, "use_a", "acc_x")
    assert largest(world) < LARGEST_ITEM


def test_a_merge_tells_the_accounts_of_either_what_they_did_not_know(world: World) -> None:
    world.define(PLACES, OF_ACCOUNT)
    order(world, "use_a", range(3_000))
    order(world, "use_b", range(3_000, 6_000))
    join(world, "use_a", "acc_x")
    join(world, "use_b", "acc_y")
    world.send(world.merge("use_b", "use_a"))
    world.settle()
    assert len(world.computed("use_a", World.now)["places"]) == 6_000
    for account in ("acc_x", "acc_y"):
        assert len(world.computed(account, World.now)["all_places"]) == 6_000
    assert lying(world) == listed(world, "use_a", "use_b", "acc_x", "acc_y")


def test_a_past_that_is_too_large_for_a_record_is_backfilled_by_reference(world: World) -> None:
    world.define(COUNTED)
    order(world, "use_a", range(6_000))
    assert refs(world, "use_a") == ()
    world.save(PLACES)
    world.backfill()
    assert len(world.computed("use_a", World.now)["places"]) == 6_000
    assert sum(ref.size for ref in refs(world, "use_a")) > 150_000
    assert lying(world) == listed(world, "use_a")
    world.save(PLACES_TOO)
    world.backfill("run_2")
    order(world, "use_a", range(6_000, 6_100))
    values = world.computed("use_a", World.now)
    assert {key: len(values[key]) for key in ("places", "places_too")} == {"places": 6_100, "places_too": 6_100}
    assert lying(world) == listed(world, "use_a")


def essay(number: int) -> str:
    return "".join(place(1_000 * number + part) for part in range(8))


def test_values_that_an_item_cannot_hold_are_cut_and_say_so(world: World) -> None:
    world.define(ESSAYS, NUMBER_OF_ESSAYS, AUTHORS)
    for start in range(0, 4_500, 500):
        bodies = [{"type": "track", "event": "Order", "properties": {"essay": essay(start + n)}} for n in range(500)]
        events = [world.event(f"{start} {n}", body) for n, body in enumerate(bodies)]
        world.send(*(world.resolved("use_a", event) for event in events))
        world.settle()
    stored, now = world.stored("use_a"), world.now("use_a")
    assert stored is not None
    assert now is not None
    assert largest(world) < LARGEST_ITEM
    cut = stored.computed["essays"]
    assert cut.capped
    assert 1_000 < len(cut.value) < 4_500
    assert cut.value == now.computed["essays"].value[: len(cut.value)]
    assert len(now.computed["essays"].value) == 4_500, "what is read is evaluated"
    assert stored.computed["number"].value == 4_500
    assert "authors" not in stored.computed
    world.send(world.resolved("use_a", world.event("i", {"type": "identify", "traits": {"plan": "pro"}})))
    world.settle()
    assert world.computed("use_a", World.stored)["authors"] is True, "what was cut counts where others refer to it"
    assert not [key for bucket, key in world.plane.objects if bucket == "dead"]


def test_a_part_that_is_missing_is_an_error_and_not_a_smaller_value(world: World) -> None:
    world.define(PLACES)
    order(world, "use_a", range(3_000))
    part = refs(world, "use_a")[0]
    key = cold.key_of(world.space, part)
    del world.plane.tables["profiles_table"][key["pk"]["S"], key["sk"]["S"]]
    cold.remembered.cache_clear()
    with pytest.raises(cold.PartMissing):
        profiles.read(world.space, "use_a")


def test_a_warm_worker_reads_a_part_once(world: World) -> None:
    world.define(PLACES)
    order(world, "use_a", range(3_000))
    part = refs(world, "use_a")[0]
    key = cold.key_of(world.space, part)
    del world.plane.tables["profiles_table"][key["pk"]["S"], key["sk"]["S"]]
    assert len(world.computed("use_a", World.now)["places"]) == 3_000


def test_a_worker_remembers_only_so_much(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.define(PLACES)
    order(world, "use_a", range(3_000))
    parts = refs(world, "use_a")
    assert len(parts) > 1
    monkeypatch.setattr(cold, "MOST_BYTES", parts[-1].size)
    cold.remembered.cache_clear()
    for _ in range(2):
        assert len(world.computed("use_a", World.now)["places"]) == 3_000


def test_who_reads_a_state_that_is_written_meanwhile_reads_it_again(world: World) -> None:
    """Its parts are united and deleted between the reading of the state and that of the parts."""
    world.define(PLACES)
    order(world, "use_a", range(3_000))
    before = lying(world)
    cold.remembered.cache_clear()
    read_items = world.plane.batch_get_item

    def overtaken(RequestItems: Any) -> Any:  # noqa: N803 - AWS's names
        [request] = RequestItems.values()
        if any(key["sk"]["S"].startswith("cold#") for key in request["Keys"]):
            world.plane.batch_get_item = read_items  # type: ignore[method-assign]
            order(world, "use_a", range(3_000, 8_000))
            cold.remembered.cache_clear()
        return read_items(RequestItems)

    world.plane.batch_get_item = overtaken  # type: ignore[method-assign]
    assert len(world.computed("use_a", World.now)["places"]) == 8_000
    assert not before & lying(world)


def test_events_of_the_future_leave_a_state_that_grows_and_count_from_their_moments_on(world: World) -> None:
    world.define(COUNTED, RECENT)
    body = {"type": "track", "event": "Order"}
    begins = world.clock.ms
    for start in range(0, 6_000, 500):
        events = []
        for number in range(start, start + 500):
            at = begins + HOUR + number * 1_000
            events.append(world.event(f"ahead {number}", {**body, "properties": {"place": place(number)}}, at))
        world.send(*(world.resolved("use_a", event) for event in events))
        world.settle()
    assert refs(world, "use_a")
    assert state_size(world, "use_a") < 40_000
    assert largest(world) < LARGEST_ITEM
    assert lying(world) == listed(world, "use_a")
    assert world.computed("use_a", World.now) == {}
    world.clock.ms = begins + HOUR + 999 * 1_000
    assert world.computed("use_a", World.now) == {"counted": 1_000, "recent": 1_000}
    for hours in (1, 1, 1, 1):
        world.clock.ms += hours * HOUR
        world.recompute()
        world.settle()
    assert world.computed("use_a", World.now) == {"counted": 6_000, "recent": 6_000}
    assert world.computed("use_a") == {"counted": 6_000, "recent": 6_000}
    world.clock.ms += 3 * DAY
    world.recompute()
    world.settle()
    assert world.computed("use_a") == {"counted": 6_000, "recent": 0}
