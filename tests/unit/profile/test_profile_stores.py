"""The stores of the room: archive objects, event pages, images, sizes."""

import io
from base64 import b64encode

import duckdb
import pyarrow.parquet

from personas.core.event import Event
from personas.core.moments import DAY, HOUR, iso
from personas.core.profile.delivery import Accepted, Paged
from personas.stores import archive, pages, profiles
from tests.unit.profile.world import START, World, definition

PAGE = {"type": "page", "name": "Home", "anonymousId": "a1", "properties": {"path": "/"}}


def accepted(world: World, message_id: str, sequence: int, received: int = START) -> Accepted:
    event = world.event(message_id, PAGE)._replace(received=received)
    return Accepted((7, sequence, 0), "use_a", event, event.fingerprint, None)


def archived(world: World) -> dict[str, bytes]:
    return {key: body for (bucket, key), body in world.plane.objects.items() if bucket == "archive"}


def test_a_batch_is_one_object_per_space_and_day(world: World) -> None:
    archive.write([accepted(world, "m1", 5), accepted(world, "m2", 6), accepted(world, "m3", 7, START + DAY)])
    days = sorted(key.rsplit("/", 1)[0] for key in archived(world))
    assert days == [f"events/space={world.space}/day={iso(moment)[:10]}" for moment in (START, START + DAY)]


def test_rows_of_an_earlier_attempt_are_not_replaced_by_fewer(world: World) -> None:
    rows = [accepted(world, "m1", 5), accepted(world, "m2", 5), accepted(world, "m3", 6)]
    archive.write(rows)
    archive.write(rows)
    assert len(archived(world)) == 1
    archive.write([rows[0], rows[2]])
    assert len(archived(world)) == 2


def test_a_row_tells_everything_of_its_event(world: World) -> None:
    archive.write([accepted(world, "m1", 5)])
    [body] = archived(world).values()
    table = pyarrow.parquet.read_table(io.BytesIO(body))
    query = "SELECT profile, lane, seq, event, epoch_ms(\"at\"), anonymous_id, body ->> '$.properties.path' FROM t"
    [row] = duckdb.connect().from_arrow(table).query("t", query).fetchall()
    assert row == ("use_a", 7, f"{5:056d}", "Page Viewed", START, "a1", "/")
    assert table["fingerprint"][0].as_py() == accepted(world, "m1", 5).fingerprint


def test_pages_give_each_event_once_by_its_own_time(world: World) -> None:
    events = [Paged(world.event(f"m{hours}", PAGE, START - hours * HOUR)) for hours in range(5)]
    for sequence, part in ((10, events[:3]), (12, events[1:]), (12, events[1:])):
        pages.write(pages.pages_of(world.space, "use_a", sequence, part))
    pages.write(pages.pages_of(world.space, "use_b", 13, events[:1]))
    found = pages.read(world.space, ["use_a", "use_b"], START - 3 * HOUR, START)
    assert [event.message_id for event in found] == ["m3", "m2", "m1"]
    assert pages.read(world.space, ["use_c"], 0, START + 1) == []


def test_a_page_is_split_before_it_outgrows_an_item(world: World) -> None:
    long = {**PAGE, "properties": {"x": "x" * 30_000}}
    events = [Paged(world.event(f"m{number}", long)) for number in range(25)]
    items = pages.pages_of(world.space, "use_a", 10, events)
    assert len(items) == 3
    pages.write(items)
    assert len(pages.read(world.space, ["use_a"], 0, START + 1)) == 25
    assert {int(item["ttl"]["N"]) for item in items} == {(START + 15 * DAY) // 1000}


def test_an_image_of_the_change_stream_is_a_profile(world: World) -> None:
    world.define(definition("orders", "event('Order').count()"))
    world.send(world.resolved("use_a", world.event("m1", {"type": "track", "event": "Order"})))
    world.settle()
    item = world.plane.tables["profiles_table"][f"{world.space}#p#use_a", "profile"]
    image = {**item, "data": {"B": b64encode(item["data"]["B"]).decode()}}
    assert profiles.of_image(image) == profiles.of_image(item) == world.stored("use_a")


def test_a_typical_state_is_under_a_kilobyte(world: World) -> None:
    """Twenty definitions, sixty events of the last three days."""
    counters = [definition(f"c{n}", f"event('E{n % 5}').within({n + 1} days).count()") for n in range(14)]
    audiences = [definition(f"a{n}", f"event('E{n}').within({n + 1} days).count() >= 2", "audience") for n in range(6)]
    world.define(*counters, *audiences)
    for number in range(60):
        body: dict[str, object] = {"type": "track", "event": f"E{number % 6}", "properties": {"price": number}}
        world.send(world.resolved("use_a", world.event(f"m{number}", body, START - number * HOUR)))
    world.settle()
    state = world.plane.tables["profiles_table"][f"{world.space}#p#use_a", "state"]
    print("state:", len(state["data"]["B"]), "bytes")
    assert len(state["data"]["B"]) <= 1024


def test_spaces_do_not_meet(world: World) -> None:
    other = World(world.plane, world.clock)
    other.create(definition("orders", "event('Order').count()"))
    event: Event = world.event("m1", {"type": "track", "event": "Order"})
    world.send(world.resolved("use_a", event))
    other.send(other.resolved("use_a", event._replace(space=other.space)))
    other.settle()
    assert world.settle() is None
    assert other.computed("use_a") == {"orders": 1}
    assert world.computed("use_a") == {}
