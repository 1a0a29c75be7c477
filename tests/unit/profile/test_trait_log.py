"""The trait log has what is set on a profile after each commit that changed it, and no row for any other commit."""

import io
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from pyarrow import parquet

from functions.archive import compact, plan, traits
from personas.core.moments import DAY
from personas.core.profile.custom import Stamp, Stamped
from personas.core.profile.profile import Computed, Profile
from personas.core.workspace import Space
from personas.stores import profiles, spaces, work_files
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.world import START

Row = dict[str, Any]


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def plane(clock: Clock) -> Iterator[Plane]:
    plane = Plane()
    with installed(plane, clock):
        spaces.create(Space("sp", "sp", "sp", 0))
        yield plane


def image(profile: Profile) -> Row:
    item = profiles.profile_item(profile)
    return {**item, "data": {"B": b64encode(item["data"]["B"]).decode()}}


def commits(*states: Profile) -> list[Row]:
    """Of one profile after the other, a second apart, as Lambda hands them over."""
    records, before = [], None
    for place, profile in enumerate(states):
        change: Row = {"ApproximateCreationDateTime": START // 1000 + place, "NewImage": image(profile)}
        records.append({"dynamodb": change | ({"OldImage": image(before)} if before else {})})
        before = profile
    return records


def custom(at: int, **values: Any) -> dict[str, Stamped]:
    return {key: Stamped(value, Stamp(at, at, "aa", "src")) for key, value in values.items()}


def vip(value: bool, at: int) -> dict[str, Computed]:
    return {"vip": Computed("vip", "aud_1", "audience", 1, value, at)}


def rows(plane: Plane) -> list[Row]:
    found = []
    for (bucket, key), body in plane.objects.items():
        if bucket == "archive" and key.startswith("traits/space=sp/"):
            found += parquet.read_table(io.BytesIO(body)).to_pylist()
    return sorted(found, key=lambda row: row["seq"])


def told(plane: Plane) -> list[tuple[int, Row]]:
    return [(row["version"], orjson.loads(row["traits"])) for row in rows(plane)]


ONE = Profile("sp", "use_1", v=1, sequence=1, custom=custom(START - 5, plan="free"), events=1)


def test_custom_traits_computed_traits_and_memberships_are_told_and_what_is_the_same_is_not(plane: Plane) -> None:
    orders = Computed("orders", "tra_1", "computed_trait", 1, 1, START + 1)
    again = replace(ONE, v=2, events=2)
    counted = replace(again, v=3, computed={"orders": orders} | vip(True, START + 2))
    left = replace(counted, v=4, computed={"orders": orders._replace(value=True)} | vip(False, START + 3))
    gone = replace(left, v=5, custom=custom(START + 4, plan=None))
    traits.handle({"Records": commits(ONE, again, counted, left, gone)}, None)
    assert told(plane) == [
        (1, {"plan": "free"}),
        (3, {"plan": "free", "orders": 1, "vip": True}),
        (4, {"plan": "free", "orders": True, "vip": False}),
        (5, {"orders": True, "vip": False}),
    ]
    moments = [row["at"].timestamp() * 1000 for row in rows(plane)]
    assert moments == [START - 5, START + 2, START + 3, START // 1000 * 1000 + 4_000]


def test_a_profile_that_became_part_of_another_is_told_of_no_more_and_one_that_is_restored_is(plane: Plane) -> None:
    tombstone = Profile("sp", "use_1", v=2, sequence=2, merged_into="use_0")
    traits.handle({"Records": commits(ONE, tombstone, replace(ONE, v=3))}, None)
    assert told(plane) == [(1, {"plan": "free"}), (3, {"plan": "free"})]


def test_accounts_are_told_of_with_what_leads_to_them(plane: Plane) -> None:
    account = replace(ONE, id="acc_1", identifiers={"group_id": ("g1",)})
    traits.handle({"Records": commits(account)}, None)
    [row] = rows(plane)
    assert (row["profile"], row["collection"], row["identifiers"]) == ("acc_1", "accounts", '{"group_id":["g1"]}')


def test_what_retries_repeat_goes_at_the_compaction(plane: Plane, clock: Clock) -> None:
    batch = commits(*(replace(ONE, v=v, custom=custom(START, plan=str(v))) for v in range(1, 6)))
    traits.handle({"Records": batch}, None)
    traits.handle({"Records": batch}, None)
    before = told(plane)
    assert len(before) == 5, "the same batch is the same object"
    traits.handle({"Records": batch[:3]}, None)
    clock.ms += DAY
    for shard in work_files.load(plan.handle({}, None)["key"]):
        compact.handle(dict(shard), None)
    assert told(plane) == before


def test_nothing_is_written_for_a_space_that_is_gone(plane: Plane) -> None:
    traits.handle({"Records": commits(replace(ONE, space="other"))}, None)
    assert not [key for bucket, key in plane.objects if bucket == "archive"]
