"""Who is served where there is more to do than one run can do."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from functions.activation import plan
from personas import aws, clock
from personas.core.activation.change import Change, Computation
from personas.core.activation.pending import Pending
from personas.core.activation.queue import Queue
from personas.core.activation.turns import turns
from personas.core.destination import Destination
from personas.core.moments import MINUTE
from personas.core.workspace import Space
from personas.stores import agenda, batches, destinations, leases, outbox, spaces

START = 1_767_225_600_000
SMALL, LARGE = Space("spa_small", "small", "Small", START), Space("spa_large", "large", "Large", START)

queues = st.builds(Queue, st.sampled_from(["s1", "s2", "s3"]), st.sampled_from(["d1", "d2"]), st.integers(0, 3))


@given(st.dictionaries(queues, st.integers(0, 9)), st.integers(1, 5))
def test_the_first_turns_go_to_as_many_spaces_as_there_are(claimed: dict[Queue, int], wave: int) -> None:
    first = turns(claimed)[:wave]
    waiting = {queue.space for queue in claimed}
    assert len({queue.space for queue in first}) == min(wave, len(waiting))


@given(st.sets(queues, min_size=1), st.integers(1, 5))
def test_every_queue_has_its_turn_however_small_the_waves(due: set[Queue], wave: int) -> None:
    claimed = dict.fromkeys(due, 0)
    for minute in range(1, len(due) * 4 + 1):
        for queue in turns(claimed)[:wave]:
            claimed[queue] = minute
    assert all(claimed.values())


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    now = [START]
    monkeypatch.setattr(clock, "read", lambda: now[0] * 1_000_000)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        aws.client.cache_clear()
        aws.setting.cache_clear()
        for variable in ("CONTROL_TABLE", "ACTIVATION_TABLE"):
            monkeypatch.setenv(variable, variable.lower())
            attributes = [{"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")]
            schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
            boto3.client("dynamodb").create_table(
                TableName=variable.lower(),
                AttributeDefinitions=attributes,
                KeySchema=schema,
                BillingMode="PAY_PER_REQUEST",
            )
        monkeypatch.setenv("WORK_BUCKET", "work")
        boto3.client("s3").create_bucket(Bucket="work")
        yield now
    aws.client.cache_clear()
    aws.setting.cache_clear()


def _sync(space: Space, tools: int, people: int) -> None:
    """Something to tell each of the tools of everybody."""
    computation = Computation("aud_1", "vip", "audience")
    for tool in range(tools):
        destination = Destination(f"des_{tool}", space.id, "Tool", "actions-webhook")
        destinations.save(destination)
        pending = [
            Pending(destination.id, Change(space.id, f"use_{n}", computation, 1, True, START, {"user_id": ("u",)}), 0)
            for n in range(people)
        ]
        outbox.put(pending)
        agenda.add(START, [(entry.queue, entry.key) for entry in pending])


def _planned() -> list[Queue]:
    answer = plan.handle({}, None)
    assert answer["count"] == len(answer["batches"])
    return [batches.load(batch["key"]).queue for batch in answer["batches"]]


def test_a_run_claims_one_wave_and_the_next_run_goes_on_with_the_others(moment: list[int]) -> None:
    spaces.create(LARGE)
    _sync(LARGE, tools=12, people=16)
    waiting = len(list(agenda.queues_due(LARGE.id, START)))
    first = _planned()
    assert len(first) == plan.WAVE
    moment[0] += MINUTE
    second = _planned()
    assert not set(first) & set(second)
    assert len(first) + len(second) == waiting


def test_a_large_sync_of_one_space_does_not_make_another_wait(moment: list[int]) -> None:
    spaces.create(LARGE)
    _sync(LARGE, tools=12, people=16)
    spaces.create(SMALL)
    _sync(SMALL, tools=1, people=1)
    assert SMALL.id in {queue.space for queue in _planned()}


def test_in_a_backlog_no_queue_waits_for_more_than_all_others_to_have_had_a_turn(moment: list[int]) -> None:
    spaces.create(LARGE)
    _sync(LARGE, tools=12, people=16)
    tokens: Counter[Queue] = Counter()
    waves = []
    for _ in range(6):
        waves.append(set(_planned()))
        for queue in waves[-1]:
            tokens[queue] += 1
            leases.release(queue, tokens[queue], {}, moment[0])  # not worked off, so that it is due again at once
        moment[0] += MINUTE
    assert len(tokens) == 12 * 4
    for earlier, later in pairwise(waves):
        assert earlier | later == set(tokens)  # 48 queues, 40 in a wave


def test_a_queue_whose_batch_is_in_flight_takes_no_turn(moment: list[int]) -> None:
    spaces.create(SMALL)
    _sync(SMALL, tools=1, people=1)
    assert len(_planned()) == 1
    assert _planned() == []
    moment[0] += leases.LEASE
    assert len(_planned()) == 1
