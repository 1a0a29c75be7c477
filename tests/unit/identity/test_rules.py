"""Rules are Segment's by default, and bad ones are refused with the field named."""

import json
from pathlib import Path

import pytest

from personas.core.errors import InvalidInput
from personas.core.identifier import Identifier
from personas.core.identity.rules import Rules

REFUSED = json.loads((Path(__file__).parent / "cases" / "refused_rules.json").read_text())


@pytest.mark.parametrize("case", REFUSED, ids=[case["why"] for case in REFUSED])
def test_bad_rules_are_refused_with_the_field_named(case) -> None:
    with pytest.raises(InvalidInput) as refused:
        Rules.of_data(case["rules"])
    assert refused.value.field == case["field"]
    assert case["says"] in str(refused.value)


def test_the_default_rules_are_segments() -> None:
    assert [(rule.type, rule.limit, rule.period, rule.priority) for rule in Rules.default().identifiers] == [
        ("user_id", 1, "ever", 1),
        ("email", 5, "ever", 2),
        ("android.id", 5, "ever", 3),
        ("android.idfa", 5, "ever", 4),
        ("android.push_token", 5, "ever", 5),
        ("anonymous_id", 5, "ever", 6),
        ("braze_id", 5, "ever", 7),
        ("cross_domain_id", 5, "ever", 8),
        ("ga_client_id", 5, "ever", 9),
        ("group_id", 5, "ever", 10),
        ("ios.id", 5, "ever", 11),
        ("ios.idfa", 5, "ever", 12),
        ("ios.push_token", 5, "ever", 13),
    ]


def test_rules_read_back_as_they_were_written() -> None:
    for rules in (Rules.default(), Rules.of_data({"identifiers": [{"type": "card", "limit": 2, "period": "weekly"}]})):
        assert Rules.of_data(json.loads(json.dumps(rules.to_data()))) == rules


def test_a_priority_that_is_left_out_is_the_place_in_the_list() -> None:
    rules = Rules.of_data({"identifiers": [{"type": "email", "limit": 1}, {"type": "user_id", "limit": 2}]})
    assert [(rule.type, rule.priority) for rule in rules.identifiers] == [("email", 1), ("user_id", 2)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("aardvark", ["user_id", "email", "aardvark", "anonymous_id", "crm_id"]),
        ("card", ["user_id", "email", "anonymous_id", "card", "crm_id"]),
        ("zebra", ["user_id", "email", "anonymous_id", "crm_id", "zebra"]),
    ],
)
def test_an_unknown_type_takes_its_alphabetical_place(kind: str, expected: list[str]) -> None:
    rules = Rules.of_data({"identifiers": [{"type": one} for one in expected if one != kind]})
    assert sorted(expected, key=rules.rank) == expected
    assert (rules.rule(kind).limit, rules.rule(kind).period) == (5, "ever")


def test_an_unknown_type_ranks_behind_those_before_it_in_the_alphabet_however_these_were_moved() -> None:
    rules = Rules.of_data({"identifiers": [{"type": "crm_id"}, {"type": "user_id"}, {"type": "anonymous_id"}]})
    assert sorted(["card", "email", *rules.types()], key=rules.rank) == [
        *("crm_id", "user_id", "email", "anonymous_id", "card")
    ]


def test_types_that_events_brought_take_their_place_and_none_of_the_others_moves() -> None:
    rules = Rules.default().with_types(["phone", "aardvark", "email"])
    assert [rule.type for rule in rules.identifiers if rule.type in ("aardvark", "phone")] == ["aardvark", "phone"]
    assert [rule.priority for rule in rules.identifiers] == list(range(1, 16))
    assert [kind for kind in rules.types() if Rules.default().knows(kind)] == list(Rules.default().types())
    assert sorted(rules.types(), key=Rules.default().rank) == list(rules.types())
    phone = rules.rule("phone")
    assert (phone.limit, phone.period, phone.keys) == (5, "ever", ())
    assert Rules.of_data(json.loads(json.dumps(rules.to_data()))) == rules


def test_a_configured_type_is_read_by_its_name_unless_other_keys_are_given() -> None:
    entries = [
        {"type": "crm_id"},
        {"type": "card", "keys": ["loyalty_card"]},
        {"type": "email"},
        {"type": "x", "keys": []},
    ]
    rules = Rules.of_data({"identifiers": entries})
    assert rules.keyed() == (("crm_id", "crm_id"), ("card", "loyalty_card"))


@pytest.mark.parametrize(
    "value", ["-1", "null", "anonymous", "", "000-0", "undefined", '"NaN"', "'guest'", "[object Object]"]
)
def test_values_that_destroy_graphs_are_blocked_for_every_type_by_default(value: str) -> None:
    assert Rules.default().blocks(Identifier("user_id", value))
    assert Rules.default().blocks(Identifier("loyalty_card", value))


@pytest.mark.parametrize("value", ["null-island", "guest7", "10", "anonymous2"])
def test_values_that_only_resemble_blocked_ones_are_not(value: str) -> None:
    assert not Rules.default().blocks(Identifier("user_id", value))


def test_blocked_values_of_one_type_and_of_all() -> None:
    rules = Rules.of_data(
        {
            "identifiers": [
                {"type": "email", "blockedValues": ["test@test.com"], "blockedPatterns": ["@example\\.org$"]}
            ],
            "blockedValues": ["nobody"],
            "blockedPatterns": [],
        }
    )
    assert rules.blocks(Identifier("email", "test@test.com"))
    assert rules.blocks(Identifier("email", "somebody@example.org"))
    assert not rules.blocks(Identifier("user_id", "test@test.com"))
    assert rules.blocks(Identifier("user_id", "nobody"))
    assert not rules.blocks(Identifier("user_id", "null"))
