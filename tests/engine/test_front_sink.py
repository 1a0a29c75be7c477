"""The sink keeps what was delivered to it, counts it, and fails when it is told to."""

import pytest

from personas.core.errors import InvalidInput
from personas.local.sink import Failure, Sink


def test_what_was_taken_is_listed_and_survives_a_restart(tmp_path):
    sink = Sink(tmp_path / "sink.jsonl")
    sink.take("POST", "/crm/people", {"a": "1"}, b'{"event": "Audience Entered"}', 5)
    sink.take("PUT", "/other", {}, b"plain", 6)
    sink.close()
    listed = Sink(tmp_path / "sink.jsonl").listed(10)
    assert listed["total"] == 2
    assert listed["byPath"] == {"/crm/people": 1, "/other": 1}
    assert listed["byEvent"] == {"Audience Entered": 1, "other": 1}
    assert listed["requests"][0] == {
        "method": "POST",
        "path": "/crm/people",
        "headers": {"a": "1"},
        "body": {"event": "Audience Entered"},
        "receivedAt": 5,
    }
    assert listed["requests"][1]["body"] == "plain"


def test_the_newest_are_listed_and_all_are_counted(tmp_path):
    sink = Sink(tmp_path / "sink.jsonl")
    for n in range(5):
        sink.take("POST", "", {}, str(n).encode(), n)
    listed = sink.listed(2)
    assert (listed["total"], [request["body"] for request in listed["requests"]]) == (5, [3, 4])
    assert sink.listed(0)["requests"] == []


def test_it_fails_as_often_as_told_and_only_where_told(tmp_path):
    sink = Sink(tmp_path / "sink.jsonl")
    sink.failure = Failure.of({"count": 1, "status": 429, "headers": {"Retry-After": "60"}, "path": "/crm"})
    assert sink.take("POST", "/other", {}, b"{}", 0) is None
    failed = sink.take("POST", "/crm", {}, b"{}", 0)
    assert failed is not None
    assert (failed.status, failed.headers) == (429, {"Retry-After": "60"})
    assert sink.take("POST", "/crm", {}, b"{}", 0) is None
    assert (sink.listed(10)["total"], sink.listed(10)["refused"]) == (2, 1)


@pytest.mark.parametrize("wrong", [{"count": -1}, {"count": "many"}, {"status": 200}])
def test_a_failure_that_is_none_is_refused(wrong):
    with pytest.raises(InvalidInput):
        Failure.of(wrong)


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    (tmp_path / "sink.jsonl").write_text('{"method": "POST", "path": "", "headers": {}, "body": 1}\n{"method": "PO')
    sink = Sink(tmp_path / "sink.jsonl")
    sink.take("POST", "", {}, b"2", 0)
    sink.close()
    assert [r["body"] for r in Sink(tmp_path / "sink.jsonl").listed(10)["requests"]] == [1, 2]
