"""Whom a new definition does not concern has the same values before and after, whatever it asks for."""

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from personas.core.backfill.concerned import events_concerned
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import ComputeState
from personas.core.compute.trait_mapping import TraitMapping
from personas.core.query.definition import KNOWN, Definition, Options
from personas.core.query.formatter import format_query
from personas.core.query.tree import Comparison, Literal, Not
from tests.unit.compute.histories import NAMES, History, histories
from tests.unit.query.trees import reduced

SCALARS = reduced(NAMES, ("c",))
CONDITIONS = st.builds(
    Comparison,
    SCALARS.filter(lambda found: found.reducer != "unique"),
    st.sampled_from(["at_least", "equals", "at_most", "differs"]),
    st.tuples(st.sampled_from([0, 1, 2]).map(Literal)),
)


def added(query: str, key: str = "new", collection: str = "users") -> Definition:
    return Definition(f"id_{key}", key, key, "audience", collection, query, 2, Options((*KNOWN, "anonymous_id")))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories, st.data())
def test_a_profile_without_these_events_keeps_all_its_values(history: History, data: st.DataObject) -> None:
    tree = data.draw(SCALARS | CONDITIONS | CONDITIONS.map(Not))
    kind = "audience" if isinstance(tree, (Comparison, Not)) else "computed_trait"
    new = replace(added(format_query(tree)), kind=kind)
    before = DefinitionSet.of(1, history.definitions)
    after = DefinitionSet.of(2, [*history.definitions, new])
    names = events_concerned([before, after])
    assume(names is not None)
    assert names
    state = ComputeState()
    for event in history.events:
        if event.name not in names:
            state.add(after, event, min(event.at, history.at))
    asked = (history.traits, {*KNOWN, "anonymous_id"}, history.at)
    found, others = state.evaluate(after, *asked), state.evaluate(before, *asked)
    assert found.values.pop("new", None) in (None, False)
    assert (found.values, found.due) == (others.values, others.due)


def test_what_concerns_everybody_is_not_narrowed() -> None:
    orders = Definition("id_orders", "orders", "O", "computed_trait", "users", "event('Order').count()", 1)
    refers = Definition("id_refers", "refers", "R", "audience", "users", "trait('new') = 'true'", 1)
    before = DefinitionSet.of(1, [orders, refers])
    bought, nobody = "event('Order').count() >= 1", "event('Order').count() = 0"

    def concerned(*definitions: Definition, meanwhile: tuple[Definition, ...] = ()) -> frozenset[str] | None:
        sets = [before, *([DefinitionSet.of(2, [orders, refers, *meanwhile])] if meanwhile else [])]
        return events_concerned([*sets, DefinitionSet.of(3, definitions)])

    assert concerned(orders, refers, added(bought, "bought")) == {"Order"}
    assert concerned(orders, refers) == frozenset()
    assert concerned(orders, refers, added(nobody, "nobody")) is None, "who never did anything is a member"
    assert concerned(orders, refers, added("trait('plan') = 'pro'", "pro")) is None, "a trait may be anybody's"
    assert concerned(orders, refers, added(bought)) is None, "another one refers to it"
    assert concerned(orders, refers, added(bought, "big", "accounts")) is None, "rows do not name accounts"
    assert concerned(refers, added(bought, "bought")) is None, "one is gone"
    edited = replace(orders, query="event('Order').within(7 days).count()")
    assert concerned(edited, refers) is None, "one means something else"
    gone = added("event('Visit').count() >= 1", "bought")
    assert concerned(orders, refers, added(bought, "bought"), meanwhile=(gone,)) is None, "one was there meanwhile"


def test_a_mapping_that_changed_concerns_everybody() -> None:
    mapping = TraitMapping.of("map_1", event="Order", call=None, path="properties.city", trait="city", created=0)
    assert events_concerned([DefinitionSet.empty(), DefinitionSet.of(1, [], [mapping])]) is None
