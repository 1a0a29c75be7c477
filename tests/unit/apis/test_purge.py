"""A deleted space leaves nothing behind, its neighbours lose nothing, and a death at any step costs only that step."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from functions.purge import handler as purge
from personas.aws import client
from personas.core.moments import MINUTE
from personas.core.purge import GRACE, PLACES
from personas.stores import leftovers, purges
from tests.unit.apis.conftest import TABLES, WORKSPACE_TOKEN, Function, MovableClock

BUCKETS = {
    "ARCHIVE_BUCKET": ("events/space={}/day=2026-01-01/a.parquet", "identity/space={}/b.parquet", "tables/space={}/c"),
    "WORK_BUCKET": ("preview/{}/prv_1/partial/0.json", "backfill/{}/run_1/fold-1.shards.json"),
    "DEAD_LETTERS_BUCKET": ("{}/profiles/2026-01-01/d.json",),
}
ITEMS = 30
"""In each table, of each space."""


class Hurried:
    """The context of an invocation that has time for so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def get_remaining_time_in_millis(self) -> int:
        self.steps -= 1
        return purge.RESERVE_MS if self.steps >= 0 else purge.RESERVE_MS - 1


@pytest.fixture
def control(function: Callable[..., Function]) -> Function:
    return function("control_api", authorization=f"Bearer {WORKSPACE_TOKEN}")


@pytest.fixture
def gone(control: Function, moment: MovableClock, monkeypatch: pytest.MonkeyPatch) -> str:
    """A space that was deleted, beside one that was not; both had data everywhere."""
    ids = [control("POST", "/spaces", {"name": name}).body["data"]["space"]["id"] for name in ("Shop", "Shop two")]
    for variable in BUCKETS:
        name = variable.lower().replace("_", "-")
        monkeypatch.setenv(variable, name)
        boto3.client("s3").create_bucket(Bucket=name)
    versioning = {"Status": "Enabled"}
    boto3.client("s3").put_bucket_versioning(Bucket="archive-bucket", VersioningConfiguration=versioning)
    for space in ids:
        _fill(space)
    receipt = control("DELETE", f"/spaces/{ids[0]}").body["data"]["receipt"]
    assert receipt["pending"] == list(PLACES)
    assert receipt["finishedAt"] is None
    moment.advance(GRACE)
    return str(ids[0])


def _fill(space: str) -> None:
    for table in TABLES:
        for number in range(ITEMS):
            key = {"pk": {"S": f"{space}#p#use_{number}"}, "sk": {"S": "state"}}
            boto3.client("dynamodb").put_item(TableName=table.lower(), Item=key)
    for variable, keys in BUCKETS.items():
        for key in keys:
            for body in (b"first", b"second"):
                name = variable.lower().replace("_", "-")
                boto3.client("s3").put_object(Bucket=name, Key=key.format(space), Body=body)
    boto3.client("s3").delete_object(Bucket="archive-bucket", Key=BUCKETS["ARCHIVE_BUCKET"][0].format(space))


def _left(space: str) -> tuple[int, int]:
    """Items, and versions of objects."""
    items = sum(
        item["pk"]["S"].startswith(f"{space}#")
        for table in TABLES
        for item in boto3.client("dynamodb").scan(TableName=table.lower())["Items"]
    )
    objects = 0
    for variable in BUCKETS:
        page = boto3.client("s3").list_object_versions(Bucket=variable.lower().replace("_", "-"))
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        objects += sum(space in entry["Key"] for entry in found)
    return items, objects


def _neighbour(gone: str, control: Function) -> str:
    [space] = control("GET", "/spaces").body["data"]["spaces"]
    assert space["id"] != gone
    return str(space["id"])


def _receipt(control: Function, space: str) -> dict[str, Any]:
    found: dict[str, Any] = control("GET", f"/deleted-spaces/{space}").body["data"]["receipt"]
    return found


def test_nothing_is_left_of_a_deleted_space_and_all_of_its_neighbour(gone: str, control: Function) -> None:
    neighbour = _neighbour(gone, control)
    before = _left(neighbour)
    assert purge.handle({}, Hurried(1_000)) == {"left": False}
    assert _left(gone) == (0, 0)
    assert _left(neighbour) == before
    receipt = _receipt(control, gone)
    assert receipt["pending"] == []
    assert receipt["finishedAt"] == "2026-01-01T00:15:00.000Z"
    assert receipt["purged"] == {
        "profiles": ITEMS,
        "identity": ITEMS,
        "archive": 7,
        "work": 2,
        "deadLetters": 1,
        "activation": ITEMS,
        "control": ITEMS,
    }
    assert purge.handle({}, Hurried(1_000)) == {"left": False}
    assert _receipt(control, gone) == receipt


def test_nothing_is_purged_while_a_worker_may_still_know_the_space(
    gone: str, control: Function, moment: MovableClock
) -> None:
    moment.advance(-MINUTE)
    before = _left(gone)
    assert purge.handle({}, Hurried(1_000)) == {"left": False}
    assert _left(gone) == before
    moment.advance(MINUTE)
    purge.handle({}, Hurried(1_000))
    assert _left(gone) == (0, 0)


def test_a_run_whose_time_is_up_is_gone_on_with(gone: str, control: Function) -> None:
    runs = 1
    while purge.handle({}, Hurried(1))["left"]:
        runs += 1
    assert runs > len(PLACES)
    assert _left(gone) == (0, 0)
    assert _receipt(control, gone)["pending"] == []


def test_a_death_after_any_step_costs_only_that_step(
    gone: str, control: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = purges.save

    def dies(_: Any) -> None:
        raise KeyboardInterrupt

    while _receipt(control, gone)["pending"]:
        with monkeypatch.context() as broken:
            broken.setattr(purges, "save", dies)
            with pytest.raises(KeyboardInterrupt):
                purge.handle({}, Hurried(1))
        assert purges.save is save
        purge.handle({}, Hurried(1))
    assert _left(gone) == (0, 0)


def test_tables_of_many_pages_are_read_to_their_end(
    gone: str, control: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = client("dynamodb").scan
    monkeypatch.setattr(client("dynamodb"), "scan", lambda **request: scan(**request, Limit=7))
    purge.handle({}, Hurried(1_000))
    assert _left(gone) == (0, 0)


def test_an_object_that_s3_keeps_is_not_reported_as_removed(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = {"Errors": [{"Code": "SlowDown"}]}
    monkeypatch.setattr(client("s3"), "delete_objects", lambda **_: refusal)
    with pytest.raises(leftovers.NotDeleted, match="SlowDown"):
        purge.handle({}, Hurried(1_000))
    [waiting] = purges.waiting(2**50)
    assert waiting.pending[0] == "archive"


def test_a_deletion_that_was_cut_off_can_be_asked_for_again(
    control: Function, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbour = _neighbour(gone, control)
    with monkeypatch.context() as broken:
        broken.setattr("control.deletion.spaces.forget", lambda _: None)
        first = control("DELETE", f"/spaces/{neighbour}").body["data"]["receipt"]
    second = control("DELETE", f"/spaces/{neighbour}").body["data"]["receipt"]
    assert second == first
    assert len(list(purges.waiting(2**50))) == 2
    assert control("DELETE", f"/spaces/{neighbour}").status == 404


def test_receipts_are_listed_and_unknown_ones_are_not_found(gone: str, control: Function) -> None:
    listed = control("GET", "/deleted-spaces").body["data"]["receipts"]
    assert [receipt["spaceId"] for receipt in listed] == [gone]
    assert control("GET", "/deleted-spaces/spa_none").status == 404
