"""However deep a definition is nested: what is accepted can be stored, loaded and evaluated, all else is refused."""

from collections.abc import Callable

import pytest

from personas.core.batch.plan import plan
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.query.checker import check
from personas.core.query.definition import Definition
from personas.core.query.errors import InvalidQuery
from personas.core.query.formatter import format_query
from personas.core.query.parser import parse

NOW = 1_760_000_000_000


def negations(count: int) -> str:
    return "NOT " * count + "trait('a') = 1"


def funnels(count: int) -> str:
    query = "property('p') = 1"
    for number in range(count):
        query = f"event('A{number}').where({query}).count() >= 1"
    return query


def groups(count: int) -> str:
    query = "trait('x') = 1"
    for number in range(count):
        query = f"NOT (trait('a{number}') = 1 AND (trait('b{number}') = 1 OR {query}))"
    return query


@pytest.mark.parametrize("nested", [negations, funnels, groups])
def test_what_is_nested_is_used_or_refused(nested: Callable[[int], str]) -> None:
    accepted = refused = 0
    for count in range(1, 101):
        definition = Definition("d", "d", "D", "audience", "users", nested(count), 1)
        try:
            tree = check(definition)
        except InvalidQuery:
            refused += 1
            continue
        assert not refused
        accepted = count
        assert parse(format_query(tree)) == tree
        loaded = DefinitionSet.of_data(DefinitionSet.of(1, [definition]).to_data())
        assert loaded.trees == DefinitionSet.of(1, [definition]).trees
        ComputeState().evaluate(loaded, {}, ("user_id",), NOW)
        assert plan(loaded, NOW).statements
    assert accepted >= 9
    assert refused
