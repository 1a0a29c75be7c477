"""Why two identifiers are one profile or are not, told from what the real handler recorded. The cases are data."""

import json
from pathlib import Path

import pytest

from personas.core.identifier import Identifier
from personas.core.identity.explanation import Explanation, explain, name
from personas.core.identity.rules import Rules
from personas.core.identity.story import Story
from personas.stores import graph, graph_facts, identity_rules
from tests.unit.identity import identity_world as world

CASES = json.loads((Path(__file__).parent / "cases" / "explanations.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_the_explanation_where(case, cloud: str) -> None:
    world.make_space(rules=Rules.of_data(case) if "identifiers" in case else None)
    for place, body in enumerate(case["events"]):
        world.send(world.event(body, received=world.NOW + place))
    if "then" in case:
        identity_rules.save("sp1", Rules.of_data(case["then"]))
    told = explained(case["a"], case["b"])
    assert told.together == case["together"]
    assert [f"{one.kind} {one.message_id} {name(one.one)} - {name(one.other)}" for one in told.links] == case.get(
        "links", []
    )
    assert [
        f"{one.kind} {name(one.identifier) + ' ' if one.identifier else ''}- {one.rule or ''}".strip()
        for one in told.reasons
    ] == case.get("reasons", [])
    assert list(told.steps) == case.get("steps", list(told.steps))


def test_both_sides_tell_the_same(cloud: str) -> None:
    world.make_space()
    for number in range(4):
        world.send(world.event({"anonymousId": f"a{number}", "context": card(f"c{number + 1}", f"c{number}")}))
    there, back = explained("card:c0", "card:c4"), explained("card:c4", "card:c0")
    assert there.together
    assert [link.turned for link in reversed(back.links)] == list(there.links)


def test_every_two_identifiers_of_a_profile_of_many_merges_are_linked_by_events_alone(cloud: str) -> None:
    world.make_space()
    for number in range(8):
        world.send(world.event({"anonymousId": f"a{number}"}, received=world.NOW + number))
    world.send(world.event({"userId": "u"}, received=world.NOW + 8))
    for number in range(5):
        world.send(world.event({"userId": "u", "anonymousId": f"a{number}"}, received=world.NOW + 9 + number))
    story = graph_facts.story("sp1", str(graph.find_profile("sp1", "users", "user_id", "u")))
    assert story is not None
    ids = sorted(story.identifiers())
    assert len(ids) == 6
    assert len(story.merges) == 5
    for one in ids:
        for other in ids:
            chain = story.chain(one, other)
            assert all(link.message_id for link in chain)
            assert [link.other for link in chain[:-1]] == [link.one for link in chain[1:]]


def test_what_is_not_linked_by_events_any_more_is_said_to_be_held(cloud: str) -> None:
    world.make_space()
    world.send(world.event({"userId": "u"}))
    story = graph_facts.story("sp1", str(graph.find_profile("sp1", "users", "user_id", "u")))
    assert story is not None
    torn = Story(story.root, story.gained)
    [link] = torn.chain(Identifier("user_id", "u"), Identifier("email", "gone@example.com"))
    assert link.kind == "held"


def test_of_very_many_set_aside_the_one_asked_about_is_found(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_facts, "MOST_ASIDES", 3)
    world.make_space(rules=Rules.of_data({"identifiers": [{"type": "user_id"}, {"type": "anonymous_id", "limit": 1}]}))
    for number in range(9):
        world.send(world.event({"userId": "u", "anonymousId": f"a{number}"}))
    assert [one.kind for one in explained("user_id:u", "anonymous_id:a8").reasons] == ["unknown", "set_aside"]
    story = graph_facts.story("sp1", str(graph.find_profile("sp1", "users", "user_id", "u")))
    assert story is not None
    assert not story.complete
    assert len(story.asides) == 3


def card(*values: str) -> dict[str, object]:
    return {"externalIds": [{"type": "card", "id": value} for value in values]}


def explained(a: str, b: str) -> Explanation:
    one, other = (Identifier(*text.split(":", 1)) for text in (a, b))
    owners = graph_facts.owners("sp1", [one, other])
    stories = [
        graph_facts.story("sp1", owners[mine], beside=[theirs]) if mine in owners else None
        for mine, theirs in ((one, other), (other, one))
    ]
    return explain(identity_rules.current("sp1"), one, other, *stories, now=world.NOW)
