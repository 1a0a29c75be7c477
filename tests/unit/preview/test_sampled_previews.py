"""A space that is too large is looked at in part, and what is said of all of it holds."""

import pytest

from personas import preview_values
from personas.core.lanes import LANES, lane_of
from tests.unit.preview.asking import previewed
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.world import START, World, definition

PEOPLE = 600


@pytest.mark.parametrize("fewest", [1, 1_000_000], ids=["in sql", "folded"])
def test_a_sampled_preview_says_what_it_looked_at_and_where_the_number_lies(
    monkeypatch: pytest.MonkeyPatch, fewest: int
) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock):
        world = World(plane, clock)
        world.create()
        hold_samples(world, monkeypatch, fewest)


def hold_samples(world: World, monkeypatch: pytest.MonkeyPatch, fewest: int) -> None:
    monkeypatch.setattr(preview_values, "FEWEST_ROWS", fewest)
    for number in range(PEOPLE):
        body = {"type": "track", "event": "Order", "properties": {"price": number % 10}}
        join = {"type": "group", "groupId": f"g{number % 100}"}
        world.send(world.resolved(f"use_{number}", world.event(f"m{number}", body)))
        world.send(world.resolved(f"use_{number}", world.event(f"g{number}", join), f"acc_{number % 100}"))
    world.settle()
    for least, part in ((3, 0.75), (5, 0.5), (9, 0.25), (0, 0.25)):
        query = f"event('Order').where(property('price') >= {least}).count() >= 1"
        result = previewed(world, definition(f"d{least}{part}", query, "audience"), part=part, shards=16)
        lanes = round(result["sample"]["fraction"] * LANES)
        looked_at = [number for number in range(PEOPLE) if lane_of(f"use_{number}") < lanes]
        found = [number for number in looked_at if number % 10 >= least]
        assert result["sample"] == {
            "exact": False,
            "fraction": lanes / LANES,
            "profiles": len(looked_at),
            "confidence": 0.95,
        }
        assert abs(lanes - part * LANES) <= 2
        assert result["size"]["count"] == round(len(found) * LANES / lanes)
        low, high = result["size"]["interval"]
        assert low <= PEOPLE * (10 - least) // 10 <= high
    query = "ALL (event('Order').where(property('price') >= 5).count() >= 1)"
    result = previewed(world, definition("every", query, "audience", collection="accounts"), part=0.5, shards=16)
    of_accounts = [number for number in range(100) if lane_of(f"acc_{number}") < result["sample"]["fraction"] * LANES]
    assert result["sample"]["profiles"] == len(of_accounts)
    low, high = result["size"]["interval"]
    assert low <= 50 <= high
    assert {shown["id"] for shown in result["results"]} == {f"acc_{n}" for n in of_accounts if n % 10 >= 5}
