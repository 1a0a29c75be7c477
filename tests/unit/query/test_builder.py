"""The JSON tree of a visual builder: every node of the language, both ways without loss, errors at their place."""

import inspect
import json
from dataclasses import fields, is_dataclass
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.core.query import tree as trees
from personas.core.query.builder import InvalidTree, name_of, nodes, of_json, to_json
from personas.core.query.built_query import query_of
from personas.core.query.formatter import format_query
from personas.core.query.parser import parse
from personas.core.query.tree import Query
from tests.unit.query.trees import account_audiences, audiences, computed_traits

REFUSED = json.loads((File(__file__).parent / "refused_trees.json").read_text())
EVENTS = ("Order Completed", "it's \\ a 'test'", "line\nbreak")
queries = (
    audiences(EVENTS, ("plan", "a.b", "$", "\\"))
    | computed_traits(EVENTS, ("plan",))
    | account_audiences(EVENTS, ("plan",))
)


def test_every_node_of_the_language_is_in_the_builder() -> None:
    """A class that nothing in a query leads to is a mistake here or there."""
    written = {each for _, each in inspect.getmembers(trees, is_dataclass) if each.__module__ == trees.__name__}
    assert written == nodes()


def test_no_node_hides_its_type() -> None:
    names = [name_of(node) for node in nodes()]
    assert len(set(names)) == len(names)
    assert all(field.name != "type" for node in nodes() for field in fields(node))


@given(queries)
def test_a_tree_survives_json(tree: Query) -> None:
    data = json.loads(json.dumps(to_json(tree)))
    assert repr(of_json(data)) == repr(tree)
    assert to_json(of_json(data)) == data


@given(queries)
def test_a_tree_as_json_and_as_text_are_the_same_query(tree: Query) -> None:
    text = query_of(to_json(tree))
    assert text == format_query(tree)
    assert to_json(parse(text)) == to_json(tree)


@settings(max_examples=settings().max_examples // 5)
@given(audiences(("A",), ("plan",)), st.sampled_from(["and", "or"]))
def test_groups_may_be_nested_at_will(condition: Query, kind: str) -> None:
    alone = {"type": kind, "parts": [{"type": kind, "parts": [to_json(condition)]}]}
    assert query_of(alone) == format_query(condition)
    twice = {"type": kind, "parts": [alone, to_json(condition)]}
    assert parse(query_of(twice)) == parse(f" {kind.upper()} ".join([f"({format_query(condition)})"] * 2))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["why"])
def test_a_wrong_tree_is_refused_at_its_place(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidTree) as refused:
        query_of(case["tree"])
    assert (refused.value.field, case["says"] in refused.value.reason) == (case["path"], True), str(refused.value)


words = st.sampled_from(["trait", "and", "literal", "comparison", "exists", "equals"]) | st.text(max_size=3)
names = st.sampled_from(["type", "path", "parts", "part", "value", "subject", "operator", "arguments"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)


@given(anything)
def test_any_json_is_a_query_or_is_refused(data: Any) -> None:
    try:
        text = query_of(data)
    except InvalidTree:
        return
    assert query_of(to_json(parse(text))) == text


def test_a_tree_of_any_depth_is_refused_and_breaks_nothing() -> None:
    data: dict[str, Any] = {"type": "comparison", "subject": {"type": "trait", "path": "a"}, "operator": "exists"}
    for _ in range(5_000):
        data = {"type": "not", "part": data}
    with pytest.raises(InvalidTree, match="levels deep"):
        query_of(data)
