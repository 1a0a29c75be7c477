"""Whose rows are after a profile was taken apart: by what they came, and asked about together."""

from collections.abc import Iterator

import pytest

from personas import unmerging
from personas.aws import client
from personas.core.identifier import Identifier
from personas.stores import graph
from personas.whose import Owners
from tests.unit.identity import identity_world as world

CARDS = [f"c{number}" for number in range(4)]


@pytest.fixture
def sides(cloud: str) -> tuple[str, str]:
    """Ann's profile and that of the tablet with its cards, which were one for a while."""
    world.make_space()
    bodies = [
        {"userId": "ann"},
        *({"anonymousId": "tablet", "context": {"externalIds": [{"type": "card", "id": one}]}} for one in CARDS),
        {"userId": "ann", "anonymousId": "tablet"},
    ]
    world.send(*(world.event(body, received=world.NOW + place) for place, body in enumerate(bodies)))
    ann = graph.find_profile("sp1", "users", "user_id", "ann")
    assert ann
    [merge] = graph.merges("sp1", ann)
    done = unmerging.undo("sp1", ann, merge.id, None, world.NOW + 10)
    return done.profile, done.other


@pytest.fixture
def reads(sides: tuple[str, str]) -> Iterator[list[str]]:
    """Grows with each read of the graph."""
    made: list[str] = []

    def note(**_: object) -> None:
        made.append("read")

    events = client("dynamodb").meta.events
    events.register("before-call.dynamodb.BatchGetItem", note)
    yield made
    events.unregister("before-call.dynamodb.BatchGetItem", note)


def test_the_identifier_decides_whichever_side_folded_it(sides: tuple[str, str]) -> None:
    ann, tablet = sides
    owner = Owners("sp1")
    for folded_by in sides:
        assert owner(folded_by, Identifier("user_id", "ann")) == ann
        assert {owner(folded_by, Identifier("card", one)) for one in CARDS} == {tablet}
    assert owner("use_nobody", None) is None
    assert owner(tablet, None) == tablet


def test_many_are_asked_about_in_as_many_reads_as_one(sides: tuple[str, str], reads: list[str]) -> None:
    ann, tablet = sides
    alone = Owners("sp1")
    alone(ann, Identifier("card", CARDS[0]))
    for_one = len(reads)
    together = Owners("sp1")
    together.ask((ann, Identifier("card", one)) for one in CARDS)
    assert len(reads) == 2 * for_one
    assert {together(ann, Identifier("card", one)) for one in CARDS} == {tablet}
    together.ask([(ann, Identifier("card", CARDS[0]))])
    assert len(reads) == 2 * for_one
