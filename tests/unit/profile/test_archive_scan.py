"""What was written to the archive is read again, each event once, by the versions that were listed."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

import personas.aws
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.profile.delivery import Accepted
from personas.stores import archive, archive_scan

AT = 1_700_000_000_123


@pytest.fixture(autouse=True)
def _bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ARCHIVE_BUCKET", "archive")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for cached in (personas.aws.client, personas.aws.setting):
        cached.cache_clear()
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="archive")
        s3.put_bucket_versioning(Bucket="archive", VersioningConfiguration={"Status": "Enabled"})
        yield
    for cached in (personas.aws.client, personas.aws.setting):
        cached.cache_clear()


def row(message_id: str, profile: str = "use_a", at: int = AT) -> Accepted:
    event = Event("sp", "src", at, AT, {"type": "track", "event": "E", "messageId": message_id, "userId": "u"})
    return Accepted((7, 5, 0), profile, event, event.fingerprint, None, (Identifier("user_id", "u"),))


def test_rows_come_back_as_they_were() -> None:
    rows = [row("m1"), row("m2", at=-1_500), row("m3")._replace(account="acc_1")]
    archive.write(rows)
    found = archive_scan.events(archive_scan.manifest("sp"))
    assert sorted(found, key=lambda one: one.event.message_id) == rows


def test_an_event_that_lies_in_two_objects_comes_once() -> None:
    archive.write([row("m1"), row("m2")])
    archive.write([row("m2"), row("m3")])
    found = [one.event.message_id for one in archive_scan.events(archive_scan.manifest("sp"))]
    assert sorted(found) == ["m1", "m2", "m3"]


def test_only_the_profiles_asked_for() -> None:
    archive.write([row("m1"), row("m2", "use_b"), row("m3", "use_c")])
    found = archive_scan.events(archive_scan.manifest("sp"), profiles=["use_b", "use_x"])
    assert [one.event.message_id for one in found] == ["m2"]


def test_a_manifest_outlives_the_deletion_of_its_objects() -> None:
    archive.write([row("m1")])
    manifest = archive_scan.manifest("sp")
    boto3.client("s3").delete_object(Bucket="archive", Key=manifest[0].key)
    assert archive_scan.manifest("sp") == ()
    assert [one.event.message_id for one in archive_scan.events(manifest)] == ["m1"]
    assert manifest[0].day == "2023-11-14"
