"""What is wrong is refused at its place, with what would have been right; what is not in yet is never half-accepted."""

import json
from pathlib import Path
from typing import Any

import pytest

from personas.core.errors import InvalidInput
from personas.core.query.checker import LARGEST, check
from personas.core.query.definition import Definition
from personas.core.query.errors import InvalidQuery
from personas.core.query.formatter import format_query
from personas.core.query.parser import parse

CASES = json.loads((Path(__file__).parent / "refusals.json").read_text())


def definition(query: str, kind: str = "audience") -> Definition:
    return Definition("id", "key", "Name", kind, "users", query, 1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["query"])
def test_a_wrong_query_is_refused_at_its_place(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery) as refused:
        check(definition(case["query"]))
    error = refused.value
    assert case["says"] in str(error)
    assert (error.line, error.column) == (case.get("line", 1), case["column"])
    if "suggests" in case:
        assert f"did you mean {case['suggests']}?" in str(error)


def test_the_error_names_the_field_and_the_definition() -> None:
    with pytest.raises(InvalidInput) as refused:
        check(definition("event('A')"))
    assert refused.value.field == "definition.query"
    assert isinstance(refused.value, InvalidQuery)
    assert refused.value.definition == "key"


@pytest.mark.parametrize("query", ["event('A').count() >= 1", "NOT (trait('a').exists())"])
def test_a_computed_trait_must_end_in_a_value(query: str) -> None:
    with pytest.raises(InvalidQuery, match="must end in a value"):
        check(definition(query, "computed_trait"))


@pytest.mark.parametrize("query", ["'text'", "literal(5)", "2024-12-31"])
def test_a_computed_trait_is_computed_from_something(query: str) -> None:
    with pytest.raises(InvalidQuery, match="computed from something"):
        check(definition(query, "computed_trait"))


@pytest.mark.parametrize("query", ["event('A').count()", "event('A').unique(property('p'))", "trait('plan')"])
def test_a_computed_trait_may_be_a_scalar_or_a_list(query: str) -> None:
    check(definition(query, "computed_trait"))


def test_fifty_primary_expressions_are_enough_and_one_more_is_refused() -> None:
    inside = "event('A').where(property('p') = 1 AND property('q') = 2).count() >= 1"
    allowed = " OR ".join([inside, *["trait('a') = 1"] * (LARGEST - 3)])
    check(definition(allowed))
    with pytest.raises(InvalidQuery, match="at most 50 primary expressions, this one has 51"):
        check(definition(f"{allowed} OR trait('b') = 1"))


@pytest.mark.parametrize(
    "query", ["(" * 3_000 + "trait('a')" + ")" * 3_000, "NOT " * 3_000 + "trait('a').exists()", "x" * 30_000]
)
def test_a_query_that_is_too_deep_or_too_long_is_refused_not_a_crash(query: str) -> None:
    with pytest.raises(InvalidQuery):
        check(definition(query))


@pytest.mark.parametrize("size", ["9" * 5_000, "9" * 19, str(2**63)], ids=len)
@pytest.mark.parametrize(
    ("query", "column", "says"),
    [
        ("trait('a') = {size}", 14, "the number is too large"),
        ("trait('a') = -{size}", 14, "the number is too large"),
        ("trait('a') = {size}.5", 14, "the number is too large"),
        ("trait('a').one_of(1, {size})", 22, "the number is too large"),
        ("trait('a') = literal({size})", 22, "the number is too large"),
        ("event('A').mode(property('p'), {size}) = 'a'", 32, "the number is too large"),
        ("event('A').within({size} days).count() >= 1", 19, "a span of time is at most ten years"),
        ("event('A').between(1 day, {size} days).count() >= 1", 27, "a span of time is at most ten years"),
        ("event('A').expires_after({size} seconds).count() >= 1", 26, "a span of time is at most ten years"),
        ("trait('a').within_last({size} hours)", 24, "a span of time is at most ten years"),
        ("event('A').within({size} weeks).count() >= 1", 19, "there is no unit weeks"),
        ("event('A').within({size} dayz).count() >= 1", 19, "there is no unit dayz"),
    ],
)
def test_a_number_of_any_length_is_refused_at_its_place(query: str, column: int, says: str, size: str) -> None:
    with pytest.raises(InvalidQuery, match=says) as refused:
        parse(query.format(size=size))
    assert refused.value.column == column
    assert refused.value.suggestion is None


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e99999999999999999999"])
def test_a_number_beyond_what_a_float_holds_is_too_large(number: str) -> None:
    with pytest.raises(InvalidQuery, match="the number is too large"):
        parse(f"trait('a') = {number}")


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("0" * 5_000 + "7", "7"),
        ("-" + "0" * 5_000 + "7", "-7"),
        ("0" * 5_000, "0"),
        (str(2**63 - 1), str(2**63 - 1)),
        ("1e-400", "0.0"),
    ],
    ids=["zeros before", "negative", "only zeros", "largest", "smallest"],
)
def test_a_number_is_read_by_its_size_not_by_its_length(written: str, normal: str) -> None:
    assert format_query(parse(f"trait('a') = {written}")) == f"trait('a') = {normal}"


@pytest.mark.parametrize(
    ("query", "column", "says"),
    [
        ("ANY (ALL (trait('a').exists()))", 6, "ALL has a place only in an account's definition"),
        ("event('A').where(ANY property('p') = 1).count() >= 1", 18, "ANY has a place only in an account's definition"),
        ("ANY trait('a')", 15, "ANY needs something that is true or false"),
    ],
)
def test_any_and_all_ask_about_the_users_of_an_account_once(query: str, column: int, says: str) -> None:
    with pytest.raises(InvalidQuery, match=says) as refused:
        parse(query)
    assert refused.value.column == column
