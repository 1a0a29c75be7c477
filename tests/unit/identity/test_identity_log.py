"""What was committed to the graph comes out of the identity log, however often and in whichever batches it comes."""

import io
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from pyarrow import parquet

from functions.archive import compact, identity, plan
from personas import unmerging
from personas.core.identifier import Identifier
from personas.core.moments import DAY
from personas.stores import graph, spaces, work_files
from tests.unit.identity import identity_world as world
from tests.unit.identity.identity_world import NOW

Row = dict[str, Any]
KINDS = ("identifier", "merge", "unmerge")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    environment = world.settings("log") | {"ARCHIVE_BUCKET": "archive-log", "WORK_BUCKET": "work-log"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        world.build(environment)
        s3 = boto3.client("s3")
        for bucket in ("archive-log", "work-log"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket="archive-log", VersioningConfiguration={"Status": "Enabled"})
        world.stand_still(monkeypatch)
        world.make_space()
        yield
    world.forget()


def say(*identifiers: str, at: int = NOW) -> None:
    """One identify call with these values of `email`, `user_id` and so on: `email:a@x`."""
    given = dict(one.split(":", 1) for one in identifiers)
    body: Row = {"type": "identify", "userId": given.get("user_id"), "anonymousId": given.get("anonymous_id")}
    world.send(world.event({**body, "traits": {"email": given.get("email")}}, at=at - 5_000, received=at))


def images() -> list[Row]:
    """What the table's stream says of all that lies in the table, as Lambda hands it over."""
    found = [item for item in world.items("IDENTITY_TABLE") if item.get("kind", {}).get("S") in KINDS]
    found.sort(key=lambda item: (int(item["at"]["N"]), int(item.get("version", {"N": "0"})["N"])))
    return [
        {"dynamodb": {"ApproximateCreationDateTime": NOW // 1000 + place, "NewImage": _as_lambda_does(item)}}
        for place, item in enumerate(found)
    ]


def _as_lambda_does(item: Row) -> Row:
    return dict(json.loads(json.dumps(item, default=lambda value: b64encode(bytes(value)).decode())))


def keys() -> list[str]:
    listed = boto3.client("s3").list_objects_v2(Bucket="archive-log", Prefix="identity/")
    return [entry["Key"] for entry in listed.get("Contents", ())]


def rows() -> list[Row]:
    s3, found = boto3.client("s3"), []
    for key in keys():
        body = s3.get_object(Bucket="archive-log", Key=key)["Body"].read()
        found += parquet.read_table(io.BytesIO(body)).to_pylist()
    return sorted(found, key=lambda row: (row["seq"], row["kind"], row["profile"], row["value"]))


def told() -> list[tuple[str, ...]]:
    return [(row["kind"], row["profile"], row["canonical"], row["value"]) for row in rows()]


def test_profiles_their_identifiers_and_merges_are_told_with_the_events_that_did_it(cloud: None) -> None:
    say("anonymous_id:a", "email:x@y")
    say("anonymous_id:b", at=NOW + 1_000)
    one, two = (graph.find_profile("sp1", "users", "anonymous_id", value) for value in "ab")
    say("anonymous_id:b", "email:x@y", at=NOW + 2_000)
    assert identity.handle({"Records": images()}, None) == {"batchItemFailures": []}
    assert sorted(set(told())) == sorted(
        [
            ("began", one, one, ""),
            ("gained", one, one, "a"),
            ("gained", one, one, "x@y"),
            ("began", two, two, ""),
            ("gained", two, two, "b"),
            ("merged", two, one, ""),
        ]
    )
    merged = next(row for row in rows() if row["kind"] == "merged")
    assert merged["event"] == "identify"
    assert (merged["source"], merged["space"], merged["collection"]) == ("src1", "sp1", "users")
    assert merged["received"].timestamp() * 1000 == NOW + 2_000
    assert merged["event_at"].timestamp() * 1000 == NOW - 3_000, "the event's own time"
    assert keys() == [key for key in keys() if key.startswith("identity/space=sp1/day=2026-01-01/")]


def test_a_profile_that_merges_on_takes_along_whom_it_absorbed(cloud: None) -> None:
    """`o` is the oldest, and `p` and `q` have met before it joins them."""
    for place, value in enumerate("opq"):
        say(f"anonymous_id:{value}", at=NOW + place)
    o, p, q = (graph.find_profile("sp1", "users", "anonymous_id", value) for value in "opq")
    for place, value in enumerate("pqo"):
        say(f"anonymous_id:{value}", "email:x@y", at=NOW + 10 + place)
    identity.handle({"Records": images()}, None)
    merged = [(profile, canonical) for kind, profile, canonical, _ in told() if kind == "merged"]
    assert sorted(merged) == sorted([(q, p), (p, o), (q, o)])
    last = {row["profile"]: row["canonical"] for row in rows()}
    assert last == {o: o, p: o, q: o}


def test_what_an_unmerge_takes_apart_is_told_too(cloud: None) -> None:
    say("anonymous_id:a", "email:x@y")
    say("anonymous_id:b", at=NOW + 1_000)
    one, two = (graph.find_profile("sp1", "users", "anonymous_id", value) for value in "ab")
    say("anonymous_id:b", "email:x@y", at=NOW + 2_000)
    assert one
    [merge] = graph.merges("sp1", one)
    unmerging.undo("sp1", one, merge.id, None, NOW + 9_000)
    identity.handle({"Records": images()}, None)
    assert ("parted", two, two, "") in told()
    assert [row["canonical"] for row in rows() if row["profile"] == two and row["kind"] != "moved"][-1] == two
    moved = {(row["digest"], row["profile"]) for row in rows() if row["kind"] == "moved"}
    assert moved == {(Identifier("anonymous_id", "b").digest, two)}


def test_a_batch_that_comes_again_is_the_same_objects_and_one_cut_otherwise_goes_at_the_compaction(
    cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, value in enumerate("abc"):
        say(f"anonymous_id:{value}", "email:x@y", at=NOW + place)
    batch = images()
    identity.handle({"Records": batch}, None)
    once = keys()
    identity.handle({"Records": batch}, None)
    assert keys() == once
    identity.handle({"Records": batch[:2]}, None)
    identity.handle({"Records": batch[2:]}, None)
    assert len(keys()) == 3
    before = set(told())
    world.stand_still(monkeypatch, NOW + DAY)
    for shard in work_files.load(plan.handle({}, None)["key"]):
        compact.handle(dict(shard), None)
    assert len(keys()) == 1
    assert set(told()) == before
    assert len(told()) == len(before)


def test_nothing_is_written_for_a_space_that_is_gone(cloud: None) -> None:
    say("anonymous_id:a")
    batch = images()
    spaces.close(spaces.find("sp1"))
    identity.handle({"Records": batch}, None)
    assert keys() == []
