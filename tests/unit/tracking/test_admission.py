"""Which calls become which events: by tables of cases, and by the limits themselves."""

import itertools
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.core.errors import InvalidInput, NotFound, TooLarge
from personas.core.tracking.admission import Admission, admit
from personas.core.tracking.submission import MAX_BATCH, MAX_EVENT, read

CASES = Path(__file__).parent / "cases"
NOW = 1_767_225_600_000


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in json.loads((CASES / name).read_text())]


def admission(call: str, body: Any) -> Admission:
    numbers = itertools.count(1)
    return admit(read(call, orjson.dumps(body)), "spa_1", "src_1", NOW, lambda: f"made-{next(numbers)}")


def reason_of(call: Any) -> str:
    admitted = admission("batch", {"batch": [call]})
    assert not admitted.events
    return admitted.refusals[0].reason


@pytest.mark.parametrize("case", cases("accepted.json"))
def test_what_a_call_becomes(case: dict[str, Any]) -> None:
    admitted = admission(case["call"], case["body"])
    assert [event.body for event in admitted.events] == case["becomes"]
    assert not admitted.refusals


@pytest.mark.parametrize("case", cases("refused.json"))
def test_why_a_call_is_refused(case: dict[str, Any]) -> None:
    assert case["reason"] in reason_of(case["call"])


def test_a_batch_with_a_bad_call_keeps_the_good() -> None:
    good = {"type": "page", "userId": "u1", "messageId": "good"}
    bad = {"type": "track", "userId": "u1", "messageId": "bad"}
    admitted = admission("batch", {"batch": [bad, good]})
    assert [event.message_id for event in admitted.events] == ["good"]
    assert [(refusal.index, refusal.message_id) for refusal in admitted.refusals] == [(0, "bad")]


@pytest.mark.parametrize("field", ["traits", "properties"])
def test_three_hundred_entries_are_enough(field: str) -> None:
    call = {"type": "identify", "userId": "u1", field: {f"k{n}": n for n in range(300)}}
    assert admission("batch", {"batch": [call]}).events
    call[field]["one more"] = 1
    assert f"{field} has 301 entries and may have 300" in reason_of(call)


def test_the_message_id_has_at_most_one_hundred_characters() -> None:
    call = {"type": "page", "userId": "u1", "messageId": "m" * 100}
    assert admission("batch", {"batch": [call]}).events
    assert "messageId" in reason_of({**call, "messageId": "m" * 101})


def test_the_group_id_has_at_most_five_hundred_characters() -> None:
    call = {"type": "group", "userId": "u1", "groupId": "g" * 500}
    assert admission("batch", {"batch": [call]}).events
    assert "groupId must be at most 500 characters" in reason_of({**call, "groupId": "g" * 501})


def test_a_call_over_32_kilobytes_is_refused_alone_or_in_a_batch() -> None:
    call = {"type": "track", "userId": "u1", "event": "E", "properties": {"text": "x" * MAX_EVENT}}
    assert "32 KB" in reason_of(call)
    assert "32 KB" in admission("track", call).refusals[0].reason
    call["properties"] = {"text": "x" * 30_000}
    assert admission("track", call).events


def test_a_batch_over_500_kilobytes_is_too_large_whatever_it_holds() -> None:
    with pytest.raises(TooLarge, match="500 KB"):
        read("batch", b"x" * (MAX_BATCH + 1))
    with pytest.raises(InvalidInput, match="32 KB"):
        read("track", b"x" * (MAX_BATCH + 1))


def test_what_a_batch_shares_cannot_blow_it_up() -> None:
    batch = {"context": {"text": "x" * 100_000}, "batch": [{}] * 1000}
    with pytest.raises(TooLarge, match="context"):
        read("batch", orjson.dumps(batch))


def test_a_call_nested_too_deeply_is_refused() -> None:
    for depth in (150, 600):
        nested = '{"a":' * depth + "1" + "}" * depth
        body = '{"batch": [{"type": "page", "userId": "u1", "properties": ' + nested + "}]}"
        admitted = admit(read("batch", body.encode()), "spa_1", "src_1", NOW, str)
        assert admitted.refusals


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b'{"batch": {}}', b'{"batch": null}'])
def test_what_is_no_batch_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read("batch", body)


def test_another_call_does_not_exist() -> None:
    with pytest.raises(NotFound):
        read("m", b"{}")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["type", "userId", "anonymousId", "event", "groupId", "messageId", "timestamp", "sentAt", "context", "traits"]
)
stamps = st.sampled_from(["2025-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "track", "group", "u1"])


@given(st.lists(st.dictionaries(fields, values | stamps, max_size=8) | values, max_size=3), values | stamps)
def test_whatever_is_sent_is_judged_and_never_breaks(calls: list[Any], sent_at: Any) -> None:
    admitted = admission("batch", {"batch": calls, "sentAt": sent_at})
    assert len(admitted.events) + len(admitted.refusals) == len(calls)
    for event in admitted.events:
        assert orjson.loads(orjson.dumps(event.to_data())) == event.to_data()
        assert isinstance(event.message_id, str)
        assert event.body.get("userId") or event.body.get("anonymousId")
