"""Profiles that are taken apart in the graph, over a real store: what they are then, and what finds them."""

import itertools
import random
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from functions.identity import handler as identity
from personas import unmerging
from personas.core.errors import InvalidInput
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.identity.known import Known
from personas.core.identity.resolver import APART
from personas.core.identity.root import Root
from personas.stores import graph, graph_items, graph_reads, graph_writes, unmerges
from tests.unit.identity import identity_world as world

NOW = world.NOW


def send(*bodies: dict[str, Any], space: str = "sp1") -> None:
    moments = itertools.count(NOW)
    world.send(*[world.event(body, space=space, received=next(moments)) for body in bodies])


def profile_of(value: str, kind: str = "anonymous_id", space: str = "sp1") -> str:
    found = graph.find_profile(space, "users", kind, value)
    assert found
    return found


def ids(profile: str) -> list[str]:
    return [one.partition(":")[2] for one in world.ids_of("sp1", profile)]


@pytest.fixture
def bridged(cloud: str) -> tuple[str, str, str]:
    """Ann's profile, Bob's, and the merge that made them one: Ann signed in on Bob's tablet before he had ever."""
    world.make_space()
    send({"userId": "ann"}, {"anonymousId": "tablet"}, {"anonymousId": "tablet", "context": card("b1")})
    ann, bob = profile_of("ann", "user_id"), profile_of("tablet")
    send({"userId": "ann", "anonymousId": "tablet"})
    [merge] = graph.merges("sp1", ann)
    return ann, bob, merge.id


def finish(space: str) -> None:
    """The profiles have followed."""
    for one in unmerges.of_space(space):
        unmerges.note_rebuilt(space, one.id, NOW)


def card(value: str) -> dict[str, Any]:
    return {"externalIds": [{"type": "card", "id": value}]}


def test_undoing_a_merge_restores_both_under_their_ids(bridged: tuple[str, str, str]) -> None:
    ann, bob, merge = bridged
    done = unmerging.undo("sp1", bob, merge, None, NOW + 10)
    assert (done.profile, done.other) == (ann, bob)
    assert (ids(ann), ids(bob)) == (["ann"], ["tablet", "b1"])
    assert (graph.lineage("sp1", ann), graph.lineage("sp1", bob)) == ((ann,), (bob,))
    assert graph.merges("sp1", ann) == graph.merges("sp1", bob) == ()


def test_what_came_by_either_side_since_goes_with_it(bridged: tuple[str, str, str]) -> None:
    ann, bob, merge = bridged
    send(
        {"anonymousId": "tablet", "context": card("b2")},
        {"userId": "ann", "context": card("a1")},
        {"anonymousId": "phone", "context": card("b2")},
        {"anonymousId": "laptop"},
        {"anonymousId": "laptop", "context": card("b1")},
    )
    later = graph.merges("sp1", ann)[-1].loser
    assert ids(ann) == ["laptop", "phone", "tablet", "a1", "b1", "b2", "ann"]
    unmerging.undo("sp1", ann, merge, None, NOW + 10)
    assert (ids(ann), ids(bob)) == (["a1", "ann"], ["laptop", "phone", "tablet", "b1", "b2"])
    assert graph.lineage("sp1", later) == (bob, later)
    assert [one.loser for one in graph.merges("sp1", bob)] == [later]
    world.forget_known()
    send({"anonymousId": "laptop"}, {"context": card("b2"), "anonymousId": "new"})
    assert {one.profile for one in world.resolved()[-2:]} == {bob}
    assert ids(ann) == ["a1", "ann"]


def test_the_same_bridge_sets_its_lower_end_aside(bridged: tuple[str, str, str]) -> None:
    ann, bob, merge = bridged
    unmerging.undo("sp1", ann, merge, None, NOW + 10)
    world.forget_known()
    send({"userId": "ann", "anonymousId": "tablet"}, {"anonymousId": "tablet"})
    first, second = world.resolved()[-2:]
    assert (first.profile, [one.value for one in first.identifiers]) == (ann, ["ann"])
    assert second.profile == bob
    [aside] = graph.facts_under("sp1", [ann], graph_items.FACT_OF_ASIDE)
    assert graph_items.fact_of(aside).rule == APART


def test_what_they_became_part_of_since_keeps_apart_too(bridged: tuple[str, str, str]) -> None:
    ann, _, merge = bridged
    unmerging.undo("sp1", ann, merge, None, NOW + 10)
    world.forget_known()
    send({"anonymousId": "desk"}, {"anonymousId": "tablet", "context": card("d")}, {"anonymousId": "desk"})
    send({"anonymousId": "desk", "context": card("d")}, {"anonymousId": "desk", "userId": "ann"})
    assert "ann" not in ids(profile_of("desk"))
    assert profile_of("desk") == profile_of("tablet")


def test_identifiers_that_are_taken_out_have_a_profile_of_their_own(bridged: tuple[str, str, str]) -> None:
    ann, _, _ = bridged
    wanted = [Identifier("card", "b1"), Identifier("user_id", "ann")]
    done = unmerging.take_out("sp1", ann, wanted, "key", NOW + 10)
    assert ids(ann) == ["tablet"]
    assert ids(done.other) == ["b1", "ann"]
    assert unmerging.take_out("sp1", ann, wanted, "key", NOW + 99) == done
    with pytest.raises(unmerging.OtherRequest):
        unmerging.take_out("sp1", ann, wanted[:1], "key", NOW + 10)
    world.forget_known()
    send({"userId": "ann"}, {"anonymousId": "tablet"})
    assert [one.profile for one in world.resolved()[-2:]] == [done.other, ann]


def test_a_merge_of_what_was_taken_out_can_be_undone_in_turn(bridged: tuple[str, str, str]) -> None:
    ann, _, _ = bridged
    done = unmerging.take_out("sp1", ann, [Identifier("card", "b1")], None, NOW + 10)
    finish("sp1")
    world.forget_known()
    send({"anonymousId": "eve"}, {"anonymousId": "eve", "context": card("b1")})
    merged = profile_of("eve")
    assert ids(merged) == ["eve", "b1"]
    again = unmerging.undo("sp1", merged, graph.merges("sp1", merged)[0].id, None, NOW + 20)
    assert {tuple(ids(again.profile)), tuple(ids(again.other))} == {("eve",), ("b1",)}
    assert done.other in (again.profile, again.other)


def test_a_worker_that_knows_nothing_of_it_writes_nothing_wrong(bridged: tuple[str, str, str]) -> None:
    ann, bob, merge = bridged
    send({"userId": "ann", "anonymousId": "tablet"})
    stale = identity.known
    unmerging.undo("sp1", ann, merge, None, NOW + 10)
    identity.known = stale
    send({"anonymousId": "tablet", "context": card("b3")}, {"userId": "ann", "context": card("a3")})
    assert (ids(ann), ids(bob)) == (["a3", "ann"], ["tablet", "b1", "b3"])


@pytest.mark.parametrize(
    ("ask", "error", "field"),
    [
        (lambda ann, merge: unmerging.undo("sp1", ann, "use_x.1", None, NOW), unmerging.NoSuchMerge, "mergeId"),
        (lambda ann, merge: unmerging.undo("sp1", "use_x", merge, None, NOW), unmerging.NoSuchProfile, None),
        (
            lambda ann, merge: unmerging.take_out(
                "sp1", ann, [Identifier("user_id", "ann"), Identifier("email", "x")], None, NOW
            ),
            InvalidInput,
            "identifiers[1]",
        ),
        (
            lambda ann, merge: unmerging.take_out(
                "sp1",
                ann,
                [Identifier("user_id", "ann"), Identifier("anonymous_id", "tablet"), Identifier("card", "b1")],
                None,
                NOW,
            ),
            InvalidInput,
            "identifiers",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_field(bridged: tuple[str, str, str], ask, error, field) -> None:
    ann, _, merge = bridged
    with pytest.raises(error) as refused:
        ask(ann, merge)
    assert getattr(refused.value, "field", None) == field


def test_an_undone_merge_is_undone_once(bridged: tuple[str, str, str]) -> None:
    ann, _, merge = bridged
    done = unmerging.undo("sp1", ann, merge, "key", NOW + 10)
    assert unmerging.undo("sp1", ann, merge, "key", NOW + 20) == done == unmerges.read("sp1", done.id)
    for key in (None, "other"):
        with pytest.raises(unmerging.UndoneAlready):
            unmerging.undo("sp1", ann, merge, key, NOW + 10)


def test_the_survivor_may_leave_and_the_loser_stay(cloud: str) -> None:
    """Bob's card led to Cid when Bob was part of Ann; that Bob and Ann were one is undone."""
    world.make_space()
    send({"anonymousId": "cid"}, {"anonymousId": "ann"}, {"context": card("bob")})
    cid, ann, bob = profile_of("cid"), profile_of("ann"), profile_of("bob", "card")
    send({"anonymousId": "ann", "context": card("bob")}, {"anonymousId": "cid", "context": card("bob")})
    merge = next(one for one in graph.merges("sp1", cid) if one.loser == bob)
    done = unmerging.undo("sp1", cid, merge.id, None, NOW + 10)
    assert (done.profile, done.other) == (cid, ann)
    assert (ids(cid), ids(ann)) == (["cid", "bob"], ["ann"])
    assert (graph.current("sp1", bob), graph.current("sp1", ann)) == (cid, ann)
    # What brought Cid and Bob together brought Ann along, who has left: it is listed still, and can be taken back.
    finish("sp1")
    assert graph.merges("sp1", ann) == ()
    [left] = graph.merges("sp1", cid)
    assert left.loser == ann
    with pytest.raises(unmerging.NoSuchMerge):
        unmerging.undo("sp1", ann, left.id, None, NOW + 20)
    again = unmerging.undo("sp1", cid, left.id, None, NOW + 20)
    assert (again.profile, again.other) == (cid, bob)
    assert (ids(cid), ids(bob), ids(ann)) == (["cid"], ["bob"], ["ann"])
    assert graph.merges("sp1", cid) == graph.merges("sp1", bob) == ()


def test_a_profile_is_not_taken_apart_again_before_it_has_followed(bridged: tuple[str, str, str]) -> None:
    ann, bob, merge = bridged
    unmerging.undo("sp1", ann, merge, None, NOW + 10)
    for profile, value in ((ann, Identifier("card", "a2")), (bob, Identifier("card", "b1"))):
        world.forget_known()
        send({"userId": "ann", "context": card("a2")})
        with pytest.raises(unmerging.UnmergeUnderWay):
            unmerging.take_out("sp1", profile, [value], None, NOW + 20)
    finish("sp1")
    assert unmerging.take_out("sp1", bob, [Identifier("card", "b1")], None, NOW + 30).profile == bob


def test_of_two_unmerges_that_are_decided_on_at_once_one_waits_for_the_other(
    bridged: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, _, merge = bridged
    send({"anonymousId": "eve"}, {"userId": "eve", "anonymousId": "eve"})
    eve, carry_out = profile_of("eve"), graph_writes.take_apart

    def overtaken(*decided: Any) -> None:
        monkeypatch.setattr(graph_writes, "take_apart", carry_out)
        unmerging.undo("sp1", ann, merge, None, NOW + 10)
        carry_out(*decided)

    monkeypatch.setattr(graph_writes, "take_apart", overtaken)
    with pytest.raises(unmerging.UnmergeUnderWay):
        unmerging.take_out("sp1", eve, [Identifier("user_id", "eve")], None, NOW + 10)
    assert ids(eve) == ["eve", "eve"]
    finish("sp1")
    assert unmerging.take_out("sp1", eve, [Identifier("user_id", "eve")], None, NOW + 20).profile == eve


PLACES = ("userId", "anonymousId", "card")
calls = st.dictionaries(st.sampled_from(PLACES), st.sampled_from("abcd"), min_size=1, max_size=2)
steps = st.one_of(calls, calls, calls, st.tuples(st.sampled_from(["undo", "take out"]), st.integers(0, 9)))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(history=st.lists(steps, min_size=4, max_size=25), seed=st.integers(0, 2**16))
def test_whatever_is_undone_the_graph_holds_together(cloud: str, history: list[Any], seed: int) -> None:
    """Two workers, each with a memory of its own that nobody refreshes; then everything comes again to a third."""
    space = f"sp{next(world._numbers)}"
    world.make_space(space)
    dice = random.Random(seed)
    memories = [Known(), Known()]
    sent: list[Event] = []
    for place, step in enumerate(history):
        identity.known = memories[dice.randrange(2)]
        if isinstance(step, dict):
            sent.append(world.event(as_body(step), space=space, received=NOW + place))
            world.send(sent[-1])
        else:
            take_apart(space, *step, NOW + place)
            finish(space)
    hold_together(space)
    identity.known = Known()
    world.send(*sent)
    hold_together(space)


def as_body(call: dict[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {place: value for place, value in call.items() if place != "card"}
    return body | ({"context": card(call["card"])} if "card" in call else {})


def take_apart(space: str, what: str, which: int, at: int) -> None:
    roots = [root for root in read(space)[0].values() if root.merged_into is None]
    if what == "undo":
        merges = [(root, merge) for root in roots for merge in graph.merges(space, root.id)]
        if merges:
            root, merge = merges[which % len(merges)]
            unmerging.undo(space, root.id, merge.id, None, at)
        return
    if roots:
        root = roots[which % len(roots)]
        held = [one.identifier for one in graph.identifiers(space, root.id)]
        if len(held) > 1:
            unmerging.take_out(space, root.id, held[which % len(held) :][: len(held) - 1], None, at)


def read(space: str) -> tuple[dict[str, Root], list[graph_reads.Way], list[tuple[str, str]]]:
    """Roots, the way from each mapping, and who is to be apart."""
    roots, ways, apart = {}, [], []
    for item in world.items("IDENTITY_TABLE"):
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        if not pk.startswith(f"{space}#"):
            continue
        if sk == "root":
            roots[pk.rpartition("#")[2]] = graph_items.root_of(item)
        elif sk.startswith("id#"):
            fact = graph_items.fact_of(item)
            ways.append((space, fact.profile, fact.identifier))
        elif sk.startswith("apart#"):
            apart.append((pk.rpartition("#")[2], item["other"]["S"]))
    return roots, ways, apart


def hold_together(space: str) -> None:
    roots, ways, apart = read(space)
    ends = graph_reads.current_roots(ways)
    assert set(ends) == set(ways), "every identifier leads to a profile"
    held: dict[str, list[Identifier]] = defaultdict(list)
    for (_, _, identifier), root in ends.items():
        assert identifier
        held[root.id].append(identifier)
    for root in roots.values():
        if root.merged_into:
            continue
        assert {kind: len(moments) for kind, moments in root.claims.items()} == Counter(
            one.type for one in held[root.id]
        )
        assert sorted(one.identifier for one in graph.identifiers(space, root.id)) == sorted(held[root.id])
        for member in (root.id, *root.merged):
            assert graph.current(space, member) == root.id
        assert len(graph.merges(space, root.id)) == len(root.merged)
    for one, other in apart:
        assert graph.current(space, one) != graph.current(space, other)
