"""Whoever may take an event is among those that are asked, and few others are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from personas.core.compute.aggregate import scene_of
from personas.core.compute.definition_set import DefinitionSet
from personas.core.event import Event
from personas.core.query.definition import Definition
from tests.unit.compute.histories import History, histories, scalars, values


def counting(key: str, where: str) -> Definition:
    return Definition(key, key, key, "computed_trait", "users", f"event('A').where({where}).count()", 1)


def event(properties: dict[str, object]) -> Event:
    return Event("sp", "src", 0, 0, {"type": "track", "event": "A", "messageId": "m", "properties": properties})


def asked(compiled: DefinitionSet, told: Event) -> set[str]:
    listening = compiled.listening(told.name)
    return {aggregate.id for aggregate in listening.of(scene_of(told))} if listening else set()


def taking(compiled: DefinitionSet, told: Event) -> set[str]:
    listening, scene = compiled.listening(told.name), scene_of(told)
    every = listening.all if listening else []
    return {aggregate.id for aggregate in every if aggregate.take(scene) is not None}


@settings(max_examples=settings().max_examples // 10 or 1)
@given(histories)
def test_whoever_takes_an_event_is_asked(history: History) -> None:
    compiled = DefinitionSet.of(1, history.definitions)
    for told in history.events:
        assert taking(compiled, told) <= asked(compiled, told)


def literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)


literals = scalars.filter(lambda value: value not in (None, "\x00", 1e300, 1.7e308))


@given(st.lists(literals, min_size=1), values)
def test_who_asks_for_a_value_is_found_by_what_equals_it(wanted: list[object], value: object) -> None:
    compiled = DefinitionSet.of(
        1, [counting(f"d{place}", f"property('p') = {literal(each)}") for place, each in enumerate(wanted)]
    )
    assert taking(compiled, event({"p": value})) <= asked(compiled, event({"p": value}))


def test_of_a_thousand_that_ask_for_other_values_none_is_asked() -> None:
    many = [counting(f"d{number}", f"property('p') = 'p{number}' AND property('q') > 5") for number in range(1_000)]
    compiled = DefinitionSet.of(
        1, [*many, counting("dear", "property('q') > 5"), counting("some", "property('p') = 7")]
    )
    assert len(asked(compiled, event({"p": "p7", "q": 9}))) == 2
    assert len(asked(compiled, event({"p": 7.0, "q": 9}))) == 2
    assert len(asked(compiled, event({"q": 9}))) == 1
