"""Dead letters in S3: one object a letter, found again by space and stage."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from personas import aws
from personas.core.dead_letter import DeadLetter
from personas.core.event import Event
from personas.stores import dead_letters

DAY = 86_400_000


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("DEAD_LETTERS_BUCKET", "dead")
    aws.client.cache_clear()
    aws.setting.cache_clear()
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="dead")
        yield
    aws.client.cache_clear()
    aws.setting.cache_clear()


def _letter(message_id: str, space: str = "sp1", stage: str = "profiles", at: int = 0) -> DeadLetter:
    event = Event(space, "src", at=0, received=0, body={"type": "track", "event": "E", "messageId": message_id})
    return DeadLetter.of(stage, event, ValueError("no good"), at)


def test_a_letter_is_read_as_it_was_kept() -> None:
    dead_letters.keep([_letter("m1")])
    (kept,) = dead_letters.read("sp1")
    assert DeadLetter.of_data(kept.data) == _letter("m1")


def test_the_same_failure_again_a_day_later_is_the_same_letter() -> None:
    dead_letters.keep([_letter("m1")])
    dead_letters.keep([_letter("m1", at=DAY)])
    assert len(list(dead_letters.read("sp1"))) == 1


def test_a_space_and_a_stage_see_only_their_own_letters() -> None:
    dead_letters.keep([_letter("m1"), _letter("m2", stage="identity"), _letter("m3", space="sp10")])
    assert [kept.data["stage"] for kept in dead_letters.read("sp1", "identity")] == ["identity"]
    assert len(list(dead_letters.read("sp1"))) == 2


def test_a_forgotten_letter_is_gone() -> None:
    dead_letters.keep([_letter("m1")])
    kept = list(dead_letters.read("sp1"))
    dead_letters.forget(kept)
    dead_letters.forget(kept)
    assert list(dead_letters.read("sp1")) == []


def test_a_letter_that_died_again_since_it_was_read_is_kept() -> None:
    dead_letters.keep([_letter("m1")])
    kept = list(dead_letters.read("sp1"))
    dead_letters.keep([_letter("m1", at=DAY)])
    dead_letters.forget(kept)
    assert len(list(dead_letters.read("sp1"))) == 1
