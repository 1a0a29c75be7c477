"""What a simulation reads back from a real store says what happened there: held against the handlers' own outcome."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorder import grouped
from test_resolver import rules, some_rules

from personas import unmerging
from personas.core.identifier import Identifier
from personas.core.identity.resolver import APART
from personas.core.identity.rules import Rules
from personas.core.simulation.history import History
from personas.core.simulation.replay import Replay
from personas.stores import graph, graph_scan
from tests.unit.identity import identity_world as world

SEGMENTS = 3
_spaces = (f"sim{number}" for number in itertools.count())


def history(space: str) -> History:
    found = History(until=world.NOW * 2)
    for segment in range(SEGMENTS):
        cursor = None
        while True:
            items, cursor = graph_scan.page(space, segment, SEGMENTS, cursor)
            for item in items:
                graph_scan.tell(found, item)
            if cursor is None:
                break
    return found


def replayed(space: str, by: Rules) -> set[frozenset[Identifier]]:
    found = history(space)
    return grouped(Replay(by, found.apart, found.homes).run(found.traces()).profiles())


def homes(space: str) -> set[frozenset[Identifier]]:
    return grouped(dict(history(space).homes))


KINDS = ("user_id", "email", "card", "anonymous_id")
carried = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from("abc")), min_size=1, max_size=5, unique_by=lambda one: one[0]
)
values = st.lists(st.sampled_from("abc"), max_size=3, unique=True)
lived = st.lists(st.tuples(carried, values, st.sampled_from([0, 1, 3_600_000])), min_size=3, max_size=15)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(by=some_rules, lives=lived)
def test_a_replay_by_the_same_rules_gives_what_the_identity_stage_made(cloud: str, by, lives) -> None:
    space, now = next(_spaces), world.NOW
    world.make_space(space, rules(**by))
    known: set[tuple[str, str]] = set()
    for identifiers, cards, step in lives:
        now += step
        pairs = [*identifiers, *(("card", value) for value in cards)]
        known |= set(pairs)
        external = [{"type": kind, "id": value} for kind, value in pairs]
        body = {"context": {"externalIds": external}}
        world.deliver([world.event(body, space=space, received=now)])
    expected = {frozenset(Identifier(*one) for one in members) for members in world.partition(space, known)}
    assert homes(space) == expected
    assert replayed(space, rules(**by)) == expected


def send(*bodies: dict) -> None:
    moments = itertools.count(world.NOW)
    world.send(*[world.event(body, received=next(moments)) for body in bodies])


@pytest.fixture
def parted(cloud: str) -> tuple[str, str]:
    """Ann and a tablet that is not hers, made two again; and an event since that carried both once more."""
    world.make_space()
    send({"userId": "ann"}, {"anonymousId": "tablet"}, {"userId": "ann", "anonymousId": "tablet"})
    ann = graph.find_profile("sp1", "users", "user_id", "ann")
    assert ann
    [merge] = graph.merges("sp1", ann)
    unmerging.undo("sp1", ann, merge.id, None, world.NOW + 10)
    world.forget_known()
    world.send(world.event({"userId": "ann", "anonymousId": "tablet"}, received=world.NOW + 20))
    return ann, merge.loser


def test_what_an_unmerge_took_apart_stays_apart_under_any_rules(parted: tuple[str, str]) -> None:
    ann, tablet = parted
    apart = {frozenset([Identifier("user_id", "ann")]), frozenset([Identifier("anonymous_id", "tablet")])}
    found = history("sp1")
    assert found.apart == {ann: {tablet}, tablet: {ann}}
    assert homes("sp1") == apart
    assert replayed("sp1", Rules.default()) == apart
    assert replayed("sp1", rules(user_id=9, anonymous_id=9)) == apart
    replay = Replay(Rules.default(), found.apart, found.homes).run(found.traces())
    assert set(replay.refusals.values()) == {APART}
