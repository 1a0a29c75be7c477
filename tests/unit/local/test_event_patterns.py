"""Filter patterns, as Lambda's and EventBridge's documentation describe them."""

import json
from typing import Any

import pytest

from personas.local.event_patterns import Filters, Pattern
from personas.local.template import UnusableTemplate

CASES: list[tuple[str, Any, Any, bool]] = [
    ("equals", {"a": ["x", "y"]}, {"a": "y"}, True),
    ("equals nothing listed", {"a": ["x", "y"]}, {"a": "z"}, False),
    ("a missing value equals nothing", {"a": ["x"]}, {}, False),
    ("every key must match", {"a": ["x"], "b": ["y"]}, {"a": "x", "b": "z"}, False),
    ("keys not named do not matter", {"a": ["x"]}, {"a": "x", "b": "z"}, True),
    ("null", {"a": [None]}, {"a": None}, True),
    ("null is not absent", {"a": [None]}, {}, False),
    ("empty", {"a": [""]}, {"a": ""}, True),
    ("a number is not its text", {"a": ["1"]}, {"a": 1}, False),
    ("a number however written", {"a": [1]}, {"a": 1.0}, True),
    ("true is no number", {"a": [1]}, {"a": True}, False),
    ("true", {"a": [True]}, {"a": True}, True),
    ("any element of an array", {"a": ["x"]}, {"a": ["w", "x"]}, True),
    ("no element of an array", {"a": ["x"]}, {"a": ["w"]}, False),
    ("an empty array has no element", {"a": ["x"]}, {"a": []}, False),
    ("objects in an array", {"a": {"b": ["x"]}}, {"a": [{"b": "w"}, {"b": "x"}]}, True),
    ("nested", {"a": {"b": {"c": ["x"]}}}, {"a": {"b": {"c": "x"}}}, True),
    ("nested in what is no object", {"a": {"b": ["x"]}}, {"a": "b"}, False),
    ("prefix", {"a": [{"prefix": "us-"}]}, {"a": "us-east-1"}, True),
    ("prefix of another", {"a": [{"prefix": "us-"}]}, {"a": "eu-west-1"}, False),
    ("prefix of a number", {"a": [{"prefix": "1"}]}, {"a": 11}, False),
    ("suffix", {"a": [{"suffix": ".png"}]}, {"a": "x.png"}, True),
    ("equals ignoring case", {"a": [{"equals-ignore-case": "Alice"}]}, {"a": "aLICE"}, True),
    ("exists", {"a": [{"exists": True}]}, {"a": None}, True),
    ("exists, absent", {"a": [{"exists": True}]}, {}, False),
    ("exists is about leaves", {"a": [{"exists": True}]}, {"a": {"b": 1}}, False),
    ("exists not", {"a": [{"exists": False}]}, {"b": 1}, True),
    ("exists not, nested", {"a": {"b": [{"exists": False}]}}, {}, True),
    ("exists not, there", {"a": [{"exists": False}]}, {"a": 1}, False),
    ("anything but", {"a": [{"anything-but": ["x", "y"]}]}, {"a": "z"}, True),
    ("anything but, one of them", {"a": [{"anything-but": ["x", "y"]}]}, {"a": "y"}, False),
    ("anything but, absent", {"a": [{"anything-but": ["x"]}]}, {}, False),
    ("anything but a text", {"a": [{"anything-but": "x"}]}, {"a": 5}, True),
    ("anything but a prefix", {"a": [{"anything-but": {"prefix": "x"}}]}, {"a": "xy"}, False),
    ("numeric equals", {"a": [{"numeric": ["=", 100]}]}, {"a": 100.0}, True),
    ("numeric range", {"a": [{"numeric": [">", 10, "<=", 20]}]}, {"a": 20}, True),
    ("numeric range, below", {"a": [{"numeric": [">", 10, "<=", 20]}]}, {"a": 10}, False),
    ("numeric of a text", {"a": [{"numeric": [">", 1]}]}, {"a": "2"}, False),
    ("or of rules", {"a": [{"prefix": "x"}, {"suffix": "z"}]}, {"a": "yz"}, True),
    ("or of keys", {"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True),
    ("or of keys, none", {"c": ["z"], "$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"c": "z"}, False),
    (
        "a DynamoDB image",
        {"dynamodb": {"Keys": {"sk": {"S": ["profile"]}}}},
        {"dynamodb": {"Keys": {"sk": {"S": "profile"}}}},
        True,
    ),
]


@pytest.mark.parametrize(
    ("pattern", "event", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_pattern_matches_as_documented(pattern: Any, event: Any, expected: bool) -> None:
    assert Pattern.of(json.dumps(pattern)).matches(event) is expected


def test_one_of_several_filters_is_enough_and_no_filter_lets_all_pass() -> None:
    filters = Filters.of({"Filters": [{"Pattern": '{"a": ["x"]}'}, {"Pattern": '{"b": ["y"]}'}]})
    assert filters.match({"b": "y"})
    assert not filters.match({"b": "z"})
    assert Filters.of(None).match({"anything": 1})


@pytest.mark.parametrize(
    "pattern",
    [
        '{"a": "x"}',
        '{"a": []}',
        '{"a": [{"cidr": "10.0.0.0/8"}]}',
        '{"a": [{"numeric": [">"]}]}',
        '["x"]',
        '{"a": [{"numeric": ["~", 1]}]}',
    ],
)
def test_a_pattern_that_lambda_would_refuse_is_refused(pattern: str) -> None:
    with pytest.raises(UnusableTemplate):
        Pattern.of(pattern)
