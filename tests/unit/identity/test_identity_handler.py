"""The identity and merges functions, batch by batch, over a real store."""

import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.identity import handler as identity
from personas import aws
from personas.core.identity.known import ROOT_AGE
from personas.stores import dead_letters, graph, identity_rules, spaces
from tests.unit.identity import identity_world as world

ROOT = Path(__file__).parents[3]


@pytest.fixture
def calls(cloud: str) -> Counter[str]:
    """Counts the calls to AWS from now on, by operation."""
    counted: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        counted[model.name] += 1

    for service in ("dynamodb", "kinesis", "s3"):
        aws.client(service).meta.events.register(f"before-call.{service}", count)
    return counted


def refuse(operation: str, code: str, when: Callable[[], bool]) -> None:
    """The service answers the operation so, whenever `when` says so."""

    def answer(**_: Any) -> None:
        if when():
            raise ClientError({"Error": {"Code": code, "Message": "injected"}}, operation)

    service = "kinesis" if operation == "PutRecords" else "dynamodb"
    aws.client(service).meta.events.register(f"before-call.{service}.{operation}", answer)


def graph_items() -> list[str]:
    return sorted(map(repr, world.items("IDENTITY_TABLE")))


def test_a_known_user_writes_nothing_and_when_warm_reads_only_the_head(calls: Counter[str]) -> None:
    world.make_space()
    person = {"userId": "u", "anonymousId": "a", "context": {"traits": {"email": "u@example.com"}}}
    world.send(world.event(person))
    before = graph_items()
    calls.clear()
    world.send(*[world.event(person) for _ in range(20)])
    assert calls == {"BatchGetItem": 1, "PutRecords": 1}
    assert graph_items() == before
    assert len({one.profile for one in world.resolved()}) == 1


def test_a_known_user_on_a_cold_worker_costs_two_reads_for_the_whole_batch(calls: Counter[str]) -> None:
    world.make_space()
    people = [{"userId": f"u{number}", "anonymousId": f"a{number}"} for number in range(20)]
    world.send(*map(world.event, people))
    world.forget_known()
    calls.clear()
    world.send(*map(world.event, people))
    heads, mappings, roots = 1, 1, 1
    assert calls == {"BatchGetItem": heads + mappings + roots, "PutRecords": 1}


def test_what_is_set_aside_again_and_again_is_noted_once(calls: Counter[str]) -> None:
    world.make_space()
    world.send(world.event({"userId": "carl", "anonymousId": "tablet"}), world.event({"userId": "dora"}))
    world.send(world.event({"userId": "dora", "anonymousId": "tablet"}))
    calls.clear()
    world.send(*[world.event({"userId": "dora", "anonymousId": "tablet"}) for _ in range(5)])
    assert calls == {"BatchGetItem": 1, "PutRecords": 1}
    [noted] = [item for item in world.items("IDENTITY_TABLE") if item.get("kind", {}).get("S") == "aside"]
    assert (noted["value"]["S"], noted["rule"]["S"]) == ("tablet", "user_id: at most 1 ever")
    assert [one.value for one in world.resolved()[-1].identifiers] == ["dora"]


def test_a_batch_that_comes_again_changes_nothing_and_resolves_alike(cloud: str) -> None:
    world.make_space()
    batch = [
        [world.event({"anonymousId": "a"}), world.event({"anonymousId": "b"})],
        [world.event({"userId": "u", "anonymousId": "a"}), world.event({"userId": "u", "anonymousId": "b"})],
        [world.event({"type": "group", "userId": "u", "groupId": "g"})],
    ]
    world.deliver(*batch)
    before, first = graph_items(), world.resolved()
    for _ in range(2):
        world.forget_known()
        world.deliver(*batch)
    assert graph_items() == before
    last = world.resolved()[-len(first) :]
    assert {one.event.message_id for one in last} == {one.event.message_id for one in first}
    assert {graph.current("sp1", one.profile) for one in world.resolved()} == {last[0].profile}


def test_later_events_of_a_batch_see_what_earlier_ones_decided(cloud: str) -> None:
    world.make_space()
    world.send(
        world.event({"anonymousId": "a"}),
        world.event({"userId": "u", "anonymousId": "a"}),
        world.event({"userId": "u"}),
    )
    assert len({one.profile for one in world.resolved()}) == 1
    assert world.ids_of("sp1", world.resolved()[0].profile) == ["anonymous_id:a", "user_id:u"]


def test_events_of_one_profile_keep_their_order(cloud: str) -> None:
    world.make_space()
    sent = [world.event({"anonymousId": f"a{number % 7}"}) for number in range(70)]
    world.deliver(sent[:30], sent[30:])
    order = {one.message_id: place for place, one in enumerate(sent)}
    of_profile: dict[str, list[int]] = {}
    for envelope in world.resolved():
        of_profile.setdefault(envelope.profile, []).append(order[envelope.event.message_id])
    assert len(of_profile) == 7
    assert all(places == sorted(places) for places in of_profile.values())
    assert sum(map(len, of_profile.values())) == 70


def test_a_merge_made_elsewhere_is_seen_when_what_is_known_has_aged(
    cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_space()
    world.send(
        world.event({"anonymousId": "a"}, received=world.NOW), world.event({"userId": "u"}, received=world.NOW + 1)
    )
    here = identity.known
    world.forget_known()
    world.send(world.event({"anonymousId": "a", "userId": "u"}))
    identity.known = here
    world.send(world.event({"userId": "u"}))
    loser = world.resolved()[-1].profile
    world.stand_still(monkeypatch, world.NOW + ROOT_AGE + 1)
    world.send(world.event({"userId": "u"}))
    assert world.resolved()[-1].profile == graph.current("sp1", loser) != loser


def test_events_of_a_space_that_is_gone_are_dropped_and_the_others_go_on(cloud: str) -> None:
    world.make_space()
    world.make_space("sp2")
    spaces.close(spaces.find("sp2"))
    world.send(world.event({"userId": "u"}, space="sp2"), world.event({"userId": "u"}))
    assert [one.space for one in world.resolved()] == ["sp1"]
    assert list(dead_letters.read("sp2")) == []


def test_spaces_do_not_share_identifiers(cloud: str) -> None:
    world.make_space()
    world.make_space("sp2")
    world.send(world.event({"userId": "u"}), world.event({"userId": "u"}, space="sp2"))
    profiles = {one.space: one.profile for one in world.resolved()}
    assert profiles["sp1"] != profiles["sp2"]
    assert graph.lineage("sp2", profiles["sp1"]) == ()


def test_the_rules_of_the_space_apply_from_the_next_batch_on(cloud: str) -> None:
    world.make_space()
    world.send(world.event({"userId": "u", "anonymousId": "a1"}))
    limited = [{"type": "user_id", "limit": 1}, {"type": "anonymous_id", "limit": 1}]
    identity_rules.save("sp1", world.Rules.of_data({"identifiers": limited}))
    world.send(world.event({"userId": "u", "anonymousId": "a2"}))
    assert world.ids_of("sp1", world.resolved()[0].profile) == ["anonymous_id:a1", "user_id:u"]


def test_a_type_that_nobody_configured_is_listed_with_the_rules_once(calls: Counter[str]) -> None:
    world.make_space()
    card = {"externalIds": [{"type": "loyalty_card", "id": "7"}]}
    world.send(world.event({"userId": "u", "context": card}))
    listed = identity_rules.listed("sp1")
    place = listed.types().index("loyalty_card")
    assert listed.types()[place - 1 :] == ("ios.push_token", "loyalty_card")
    assert (listed.rule("loyalty_card").limit, listed.rule("loyalty_card").keys) == (5, ())
    calls.clear()
    world.send(*[world.event({"userId": "u", "context": card}) for _ in range(5)])
    assert calls == {"BatchGetItem": 1, "PutRecords": 1}


def test_a_type_that_new_rules_leave_out_is_listed_again_when_an_event_brings_it(cloud: str) -> None:
    world.make_space()
    brings_it = {"userId": "u", "context": {"externalIds": [{"type": "crm", "id": "7"}]}}
    world.send(world.event(brings_it))
    identity_rules.save("sp1", world.Rules.default())
    assert "crm" not in identity_rules.listed("sp1").types()
    world.send(world.event(brings_it))
    assert "crm" in identity_rules.listed("sp1").types()


def test_the_property_of_a_listed_type_identifies_nobody_until_that_is_configured(cloud: str) -> None:
    world.make_space()
    world.send(world.event({"userId": "u", "context": {"externalIds": [{"type": "crm", "id": "7"}]}}))
    identity_rules.save("sp1", identity_rules.listed("sp1"))
    world.send(world.event({"anonymousId": "a", "properties": {"crm": "7"}}))
    assert graph.find_profile("sp1", "users", "anonymous_id", "a") != graph.find_profile("sp1", "users", "crm", "7")


@pytest.mark.parametrize(
    ("body", "error"),
    [({"userId": "null"}, "NobodyNamed"), ({"userId": "u", "context": ["not", "an", "object"]}, "AttributeError")],
)
def test_an_event_that_cannot_be_resolved_is_put_aside_and_the_others_go_on(cloud: str, body, error: str) -> None:
    world.make_space()
    bad = world.event(body)
    world.deliver([world.event({"userId": "before"}), bad, world.event({"userId": "after"})])
    assert [one.event.body["userId"] for one in world.resolved()] == ["before", "after"]
    [letter] = dead_letters.read("sp1", "identity")
    assert letter.data["error"] == error
    assert letter.data["event"]["body"]["messageId"] == bad.message_id


def test_a_value_too_long_for_a_key_identifies_like_any_other(cloud: str) -> None:
    world.make_space()
    long = "é" * 1_400
    card = {"externalIds": [{"id": long, "type": "c#" * 50}]}
    world.send(world.event({"userId": long, "context": card}), world.event({"anonymousId": "a", "context": card}))
    profile = graph.find_profile("sp1", "users", "user_id", long)
    assert profile == graph.find_profile("sp1", "users", "anonymous_id", "a")
    assert [one.id for one in graph.identifiers("sp1", profile) if one.type == "user_id"] == [long]


def test_a_failure_hands_on_what_lies_before_it_and_comes_again_from_its_record(cloud: str) -> None:
    world.make_space()
    world.send(world.event({"userId": "known"}))
    refuse("TransactWriteItems", "ProvisionedThroughputExceededException", lambda: True)
    answer = identity.handle(
        world.batch(
            [world.event({"userId": "known"})], [world.event({"userId": "new"})], [world.event({"userId": "known"})]
        ),
        world.Context(),
    )
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert len(world.resolved()) == 2


def test_a_transaction_that_meets_others_is_decided_again_a_bounded_number_of_times(calls: Counter[str]) -> None:
    world.make_space()
    refuse("TransactWriteItems", "TransactionCanceledException", lambda: True)
    answer = identity.handle(world.batch([world.event({"userId": "new"})]), world.Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert calls["TransactWriteItems"] <= 12


def test_a_stream_that_refuses_leaves_the_whole_batch_to_come_again(
    cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_space()
    monkeypatch.setattr("personas.streams.time.sleep", lambda _: None)
    refused = {"FailedRecordCount": 1, "Records": [{"ErrorCode": "ProvisionedThroughputExceededException"}]}
    aws.client("kinesis").meta.events.register("before-call.kinesis.PutRecords", lambda **_: (_Answer(), refused))
    answer = identity.handle(world.batch([world.event({"userId": "u"})]), world.Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}


class _Answer:
    status_code = 200


def test_a_batch_longer_than_the_function_has_time_for_goes_on_in_the_next_invocation(cloud: str) -> None:
    world.make_space()
    records = [[world.event({"userId": f"u{number}"})] for number in range(9)]
    hurried = world.Context(ms=identity.RESERVE_MS + 400, per_look=100)
    answer = identity.handle(world.batch(*records), hurried)
    assert answer["batchItemFailures"]
    assert 0 < len(world.resolved()) < 9
    world.deliver(*records)
    assert len({one.profile for one in world.resolved()}) == 9


def test_a_group_call_leads_to_its_user_and_names_its_account(cloud: str) -> None:
    world.make_space()
    call = {"type": "group", "groupId": "acme", "traits": {"email": "office@acme.test"}}
    world.send(world.event({**call, "userId": "amy"}), world.event({**call, "userId": "bob"}))
    amy, bob = world.resolved()
    assert amy.profile != bob.profile
    assert amy.account == bob.account == graph.find_profile("sp1", "accounts", "group_id", "acme")
    assert (amy.profile[:4], amy.account[:4]) == ("use_", "acc_")
    assert graph.find_profile("sp1", "users", "group_id", "acme") is None
    assert [(one.type, one.collection) for one in amy.identifiers] == [("user_id", "users"), ("group_id", "accounts")]


def test_a_blocked_group_names_no_account(cloud: str) -> None:
    world.make_space()
    world.send(world.event({"type": "group", "groupId": "null", "userId": "amy"}))
    assert [one.account for one in world.resolved()] == [None]


def test_each_merge_is_announced_to_the_loser_under_the_same_id_however_often(cloud: str) -> None:
    world.make_space()
    at = itertools.count(world.NOW)
    for body in ({"anonymousId": "a"}, {"anonymousId": "b"}, {"userId": "u"}):
        world.send(world.event(body, received=next(at)))
    oldest, second, third = (one.profile for one in world.resolved())
    world.send(world.event({"userId": "u", "anonymousId": "b"}, received=next(at)))
    bridge = world.event({"userId": "u", "anonymousId": "a"}, received=next(at))
    world.send(bridge)
    world.announce_merges()
    announced = {one.profile: (one.into, one.merge, one.at) for one in world.announced()}
    assert announced == {
        third: (second, f"{third}.1", world.NOW + 3),
        second: (oldest, f"{second}.2", bridge.received),
    }
    assert graph.lineage("sp1", third) == (oldest, second, third)
    assert graph.current("sp1", third) == oldest
    facts = graph.merges("sp1", oldest)
    assert [(fact.survivor, fact.loser, fact.identifier.value) for fact in facts] == [
        (second, third, "u"),
        (oldest, second, "u"),
    ]
    assert facts[-1].message_id == bridge.message_id
    assert facts[-1].rule == "user_id: at most 1 ever"


def test_the_handlers_import_nothing_heavy() -> None:
    heavy = ("pydantic", "lark", "pyarrow", "duckdb", "moto")
    code = (
        "import sys; from functions.identity import handler; from functions.merges import handler as merges;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    path = f"{ROOT}:{ROOT / 'layers/personas/python'}"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_two_thousand_known_events_take_less_than_a_second_of_cpu(cloud: str) -> None:
    world.make_space()
    people = [
        {
            "userId": f"user-{number}",
            "anonymousId": f"9f8b-{number}",
            "properties": {"price": number, "category": "shoes", "url": "https://shop.example/p/1"},
            "context": {"traits": {"email": f"user-{number}@example.com"}, "library": {"name": "a.js", "version": "5"}},
        }
        for number in range(100)
    ]
    world.deliver([world.event(person) for person in people])
    batch = world.batch(*[[world.event(person) for person in people] for _ in range(20)])
    began = time.process_time()
    identity.handle(batch, world.Context())
    spent = time.process_time() - began
    assert spent < 1, f"{2_000 / spent:.0f} events/s"
