"""The normal form of a query reads back as the same tree, and is its own normal form."""

from hypothesis import given
from hypothesis import strategies as st

from personas.core.query.formatter import format_query
from personas.core.query.parser import parse
from personas.core.query.path import Path
from personas.core.query.tree import Comparison as Compared
from personas.core.query.tree import Literal, Query, Reduced, Stream, Trait
from tests.unit.query.trees import account_audiences, audiences, computed_traits

EVENTS = ("Order Completed", "it's \\ a 'test'", "line\nbreak")
queries = (
    audiences(EVENTS, ("plan", "a.b", "$", "\\"))
    | computed_traits(EVENTS, ("plan",))
    | account_audiences(EVENTS, ("plan",))
)


@given(queries)
def test_a_formatted_tree_reads_back_as_itself(tree: Query) -> None:
    assert repr(parse(format_query(tree))) == repr(tree)


@given(st.text(min_size=1))
def test_any_text_can_be_an_event_name_a_literal_and_a_trait_key(text: str) -> None:
    event = Reduced(Stream(text), "count")
    assert parse(format_query(event)) == event
    trait = Compared(Trait(Path((text,))), "equals", (Literal(text),))
    assert parse(format_query(trait)) == trait


@given(st.floats(allow_nan=False, allow_infinity=False, max_value=1e18, min_value=-1e18) | st.integers(-(2**62), 2**62))
def test_any_number_can_be_a_literal(number: float) -> None:
    tree = Compared(Trait(Path(("n",))), "at_least", (Literal(number),))
    assert repr(parse(format_query(tree))) == repr(tree)


def test_spacing_quotes_and_spelled_out_comparisons_do_not_matter() -> None:
    written = """event("A").where( property("p").at_least( literal(5) )).within(1 hours).count().equals(2)
        AND (trait('k') == true)"""
    assert format_query(parse(written)) == (
        "event('A').where(property('p') >= 5).within(1 hour).count() = 2 AND trait('k') = true"
    )


def test_braces_around_what_a_call_takes_mean_nothing() -> None:
    written = "event({'A'}).where({property('p') > 1 AND property('q') = 2}).sources({exclude: 'a', 'b'}).count() >= 1"
    assert format_query(parse(written)) == (
        "event('A').where(property('p') > 1 AND property('q') = 2).sources(exclude: 'a', 'b').count() >= 1"
    )


def test_several_wheres_are_one_condition() -> None:
    written = "event('A').where(property('p') = 1).within(1 day).where(property('q') = 2 OR property('q') = 3).count()"
    assert format_query(parse(written)) == (
        "event('A').where(property('p') = 1 AND (property('q') = 2 OR property('q') = 3)).within(1 day).count()"
    )


def test_an_escaped_dot_may_be_written_with_one_or_two_backslashes() -> None:
    assert parse(r"trait('a\.b').exists()") == parse(r"trait('a\\.b').exists()")
    assert Trait(Path(("a.b",))) == parse(r"trait('a\.b')")
