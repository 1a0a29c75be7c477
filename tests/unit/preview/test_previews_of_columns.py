"""A preview says the same of what compaction has taken out of the calls as of the calls themselves."""

from typing import Any

import pytest

from personas import preview_values
from personas.core.batch.cells import named, read_by
from personas.core.compute.definition_set import DefinitionSet
from personas.stores import archive_scan, parquet_object
from tests.unit.preview.asking import compact, previewed
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.world import START, World, definition

QUERIES = (
    "event('Order').sum(property('price'))",
    "event('Order').mode(property('tag'), 1)",
    "event('Order').unique(property('lines.$.sku'))",
    "event('Order').last(property('tag'))",
    "event('Order').where(property('lines.$.sku') = 'a').count()",
    "event('Page Viewed').unique(property('page_name'))",
    "event('Order').count()",
)
LATER = "event('Order').max(property('size'))"
PRICES = (1, 2.5, "3", None, 2**60, 0.1, True, 7, 1e12, [4])
TAGS = ("a", 'q"', 5, None, {"x": 1}, ["b"], "", False)


def events(world: World, numbers: range) -> None:
    for number in numbers:
        price, tag = PRICES[number % len(PRICES)], TAGS[number % len(TAGS)]
        lines = [{"sku": "ab"[number % 2]}, {"sku": number % 3}, {}]
        body = {
            "type": "track",
            "event": "Order",
            "properties": {"price": price, "tag": tag, "lines": lines, "size": number},
        }
        page = {"type": "page", "name": f"P{number % 3}", "properties": {}}
        world.send(world.resolved(f"use_{number % 23}", world.event(f"m{number}", body)))
        world.send(world.resolved(f"use_{number % 23}", world.event(f"p{number}", page)))
    world.settle()


def results(world: World, monkeypatch: pytest.MonkeyPatch, fewest: int) -> list[dict[str, Any]]:
    monkeypatch.setattr(preview_values, "FEWEST_ROWS", fewest)
    queries = (*QUERIES, LATER)
    return [previewed(world, definition(f"d{fewest}n{n}", query), shards=4) for n, query in enumerate(queries)]


def shown(results: list[dict[str, Any]]) -> list[Any]:
    return [sorted((one["id"], repr(one["value"])) for one in result["results"]) for result in results]


@pytest.mark.parametrize("later", [0, 30], ids=["all compacted", "some came later"])
def test_a_preview_says_the_same_of_columns_as_of_calls(monkeypatch: pytest.MonkeyPatch, later: int) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock):
        world = World(plane, clock)
        world.create(*(definition(f"t{number}", query) for number, query in enumerate(QUERIES)))
        events(world, range(100))
        before = shown(results(world, monkeypatch, 1_000_000))
        compact(world)
        compacted = len(archive_scan.manifest(world.space))
        assert shown(results(world, monkeypatch, 1)) == before
        assert shown(results(world, monkeypatch, 1_000_000)) == before
        events(world, range(100, 100 + later))
        assert (len(archive_scan.manifest(world.space)) > compacted) == bool(later)
        assert shown(results(world, monkeypatch, 1)) == shown(results(world, monkeypatch, 1_000_000))


def test_of_an_object_that_has_all_that_is_asked_the_calls_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock):
        world = World(plane, clock)
        world.create(*(definition(f"t{number}", query) for number, query in enumerate(QUERIES)))
        events(world, range(20))
        compact(world)
        objects = archive_scan.manifest(world.space)

        def read(profiles: set[str], *queries: str) -> list[Any]:
            asked = [definition(f"a{number}", query) for number, query in enumerate(queries)]
            trees = [formula.tree for formula in DefinitionSet.of(1, asked).formulas["users"]]
            return archive_scan.ledger_tables(objects, profiles, {"Order"}, sorted(read_by(trees), key=named))

        everyone = {f"use_{number}" for number in range(23)}
        for queries, has_calls in ((QUERIES, False), ((*QUERIES, LATER), True)):
            tables = read(everyone, *queries)
            assert sum(map(len, tables)) == 20
            assert ["body" in table.column_names for table in tables] == [has_calls] * len(objects)
        whole = read({"use_7"}, *QUERIES)
        monkeypatch.setattr(parquet_object, "SMALL", 0)
        assert [one.to_pylist() for one in read({"use_7"}, *QUERIES)] == [one.to_pylist() for one in whole]
        assert sum(map(len, whole)) == 1
