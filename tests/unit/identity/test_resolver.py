"""The resolver decides what Segment's public pages work through, and what the naive oracle says on random histories."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thorough import thorough

from personas.core.identifier import Identifier
from personas.core.identity import resolver
from personas.core.identity.blocked import Blocklist
from personas.core.identity.periods import PERIODS
from personas.core.identity.resolver import Decision, resolve
from personas.core.identity.root import Root
from personas.core.identity.rules import IdentifierRule, Rules
from personas.core.moments import DAY, HOUR
from tests.unit.identity.naive_identity import World


def rules(**limits: int | tuple[int, str]) -> Rules:
    """In the order of their priority."""
    pairs = {kind: limit if isinstance(limit, tuple) else (limit, "ever") for kind, limit in limits.items()}
    made = [IdentifierRule(kind, *pair, place) for place, (kind, pair) in enumerate(pairs.items(), 1)]
    return Rules(tuple(made), Blocklist())


def ids(*texts: str) -> tuple[Identifier, ...]:
    return tuple(Identifier(*text.split(":", 1)) for text in texts)


@dataclass
class Graph:
    """What the stores keep, in memory: decisions are carried out on it as they say."""

    mapping: dict[Identifier, str] = field(default_factory=dict)
    roots: dict[str, Root] = field(default_factory=dict)

    def root_of(self, one: Identifier) -> Root | None:
        profile = self.mapping.get(one)
        while profile and self.roots[profile].merged_into:
            profile = self.roots[profile].merged_into
        return self.roots[profile] if profile else None

    def add(self, by: Rules, event: tuple[Identifier, ...], now: int = 0) -> tuple[Root, Decision]:
        found = {one: root for one in event if (root := self.root_of(one))}
        decision = resolve(by, event, found, now)
        root = decision.survivor or Root(f"use_{len(self.roots) + 1:04d}", created=now)
        for loser, _ in decision.losers:
            self.roots[loser.id] = loser.yielding_to(root)
            root = root.absorbing(loser)
        if decision.claims:
            root = root.claiming(*(one.type for one in decision.claims), at=now)
        self.roots[root.id] = root
        self.mapping |= dict.fromkeys(decision.claims, root.id)
        return root, decision

    def partition(self) -> set[frozenset[Identifier]]:
        sets: dict[str, set[Identifier]] = {}
        for one in self.mapping:
            root = self.root_of(one)
            assert root
            sets.setdefault(root.id, set()).add(one)
        return {frozenset(members) for members in sets.values()}


def asides(decision: Decision) -> list[str]:
    return [f"{aside.identifier.type}:{aside.identifier.value}" for aside in decision.aside]


def test_the_worked_example_of_the_public_pages() -> None:
    graph, by = Graph(), rules(user_id=1, email=5)
    graph.add(by, ids("user_id:abc123", "email:jane@example.com"))
    root, decision = graph.add(by, ids("user_id:abc456", "email:jane@example.com"))
    assert decision.survivor is None
    assert decision.claims == ids("user_id:abc456")
    assert asides(decision) == ["email:jane@example.com"]
    assert decision.aside[0].rule == "user_id: at most 1 ever"
    assert root.claims == {"user_id": (0,)}


def test_several_profiles_merge_at_once_into_the_oldest() -> None:
    graph, by = Graph(), Rules.default()
    first, _ = graph.add(by, ids("anonymous_id:a"), now=1)
    for now, one in enumerate(("anonymous_id:b", "email:c@d.e"), 2):
        graph.add(by, ids(one), now)
    root, decision = graph.add(by, ids("user_id:u", "email:c@d.e", "anonymous_id:a", "anonymous_id:b"), now=9)
    assert root.id == first.id
    assert [bridge for _, bridge in decision.losers] == [*ids("anonymous_id:b"), *ids("email:c@d.e")]
    assert len(graph.partition()) == 1
    assert root.merged == ("use_0002", "use_0003")


def test_of_two_profiles_made_in_one_millisecond_the_smaller_id_survives() -> None:
    found = {ids("a:1")[0]: Root("use_z", 5, 1, {"a": (5,)}), ids("b:1")[0]: Root("use_b", 5, 1, {"b": (5,)})}
    decision = resolve(Rules.default(), ids("a:1", "b:1"), found, 6)
    assert decision.survivor is not None
    assert decision.survivor.id == "use_b"


def test_a_merge_that_would_hold_two_user_ids_does_not_happen_and_the_event_goes_to_the_one_it_names() -> None:
    graph, by = Graph(), Rules.default()
    graph.add(by, ids("user_id:carl", "anonymous_id:browser-7"))
    dora, _ = graph.add(by, ids("user_id:dora"))
    root, decision = graph.add(by, ids("user_id:dora", "anonymous_id:browser-7"))
    assert root.id == dora.id
    assert not decision.changes_something
    assert asides(decision) == ["anonymous_id:browser-7"]


def test_a_profile_that_holds_more_than_changed_rules_allow_still_takes_its_events() -> None:
    graph = Graph()
    root, _ = graph.add(rules(user_id=3), ids("user_id:a", "user_id:b"))
    again, decision = graph.add(rules(user_id=1), ids("user_id:a", "user_id:b"))
    assert again == root
    assert decision.kept == ids("user_id:a", "user_id:b")


def test_an_identifier_refused_by_a_limit_with_a_period_is_taken_once_the_period_allows() -> None:
    graph, by = Graph(), rules(user_id=1, anonymous_id=(1, "daily"))
    graph.add(by, ids("user_id:u", "anonymous_id:a"), now=0)
    _, refused = graph.add(by, ids("user_id:u", "anonymous_id:b"), now=DAY - 1)
    _, taken = graph.add(by, ids("user_id:u", "anonymous_id:b"), now=DAY)
    assert asides(refused) == ["anonymous_id:b"]
    assert taken.claims == ids("anonymous_id:b")


def test_past_a_hundred_merges_and_a_thousand_identifiers_events_still_resolve() -> None:
    full = Root("use_full", 0, 9, {"user_id": (0,), "card": (0,) * 999}, tuple(f"use_{n}" for n in range(100)))
    other = Root("use_other", 0, 1, {"anonymous_id": (0,)})
    by = rules(user_id=1, card=5_000, anonymous_id=5)
    user, card, visitor = ids("user_id:u", "card:new", "anonymous_id:a")
    assert resolve(by, (user, card), {user: full}, 1).kept == (user,)
    merging = resolve(by, (user, visitor), {user: full, visitor: other}, 1)
    assert merging.survivor == full
    assert [aside.rule for aside in merging.aside] == ["a profile has at most 1000 identifiers"]
    roomy = Root("use_full", 0, 9, {"user_id": (0,)}, full.merged)
    merging = resolve(by, (user, visitor), {user: roomy, visitor: other}, 1)
    assert [aside.rule for aside in merging.aside] == ["a profile takes part in at most 100 merges"]


def test_eight_hundred_identifiers_on_one_event_are_decided_in_one_pass() -> None:
    event = ids("user_id:u", *(f"card:{number}" for number in range(800)))
    decision = resolve(rules(user_id=1, card=5), event, {}, 0)
    assert len(decision.kept) == 6
    assert len(decision.aside) == 795


KINDS = ("user_id", "email", "card", "anonymous_id")
identifiers = st.builds(Identifier, st.sampled_from(KINDS), st.sampled_from("abcd"), st.just("users"))
limits = st.tuples(st.integers(1, 3), st.sampled_from(("ever", *PERIODS)))
some_rules = st.permutations(KINDS).flatmap(lambda kinds: st.fixed_dictionaries(dict.fromkeys(kinds, limits)))
events = st.tuples(st.lists(identifiers, min_size=1, max_size=5, unique=True), st.integers(0, 40))


@thorough
@given(
    first=some_rules,
    second=some_rules,
    change_at=st.integers(0, 25),
    history=st.lists(events, max_size=25),
    caps=st.tuples(st.integers(1, 4), st.integers(2, 8)) | st.just((100, 1_000)),
)
def test_the_resolver_agrees_with_the_oracle(first, second, change_at, history, caps) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolver, "MAX_MERGES", caps[0])
        patch.setattr(resolver, "MAX_IDENTIFIERS", caps[1])
        graph, oracle = Graph(), World(*caps)
        now = 0
        for place, (event, hours) in enumerate(history):
            by = rules(**(first if place < change_at else second))
            now += hours * HOUR
            ranked = tuple(sorted(event, key=lambda one: by.rank(one.type)))
            root, decision = graph.add(by, ranked, now)
            person, kept = oracle.add(by, ranked, now)
            assert list(decision.kept) == kept
            assert (root.id, root.created, root.size, len(root.merged)) == (
                person.id,
                person.created,
                len(person.gained),
                person.merges,
            )
            assert graph.partition() == oracle.partition()


@thorough
@given(history=st.lists(st.lists(identifiers, min_size=1, max_size=4, unique=True), max_size=12), seed=st.randoms())
def test_where_no_limit_is_reached_the_order_of_events_does_not_matter(history, seed) -> None:
    by = rules(**dict.fromkeys(KINDS, 1_000))
    shuffled = list(history)
    seed.shuffle(shuffled)
    forwards, otherwise = Graph(), Graph()
    for event, other in zip(history, shuffled, strict=True):
        forwards.add(by, tuple(event))
        otherwise.add(by, tuple(other))
    assert forwards.partition() == otherwise.partition()


@thorough
@given(first=some_rules, history=st.lists(events, max_size=15))
def test_resolving_an_event_again_at_once_changes_nothing(first, history) -> None:
    graph, by, now = Graph(), rules(**first), 0
    for event, hours in history:
        now += hours * HOUR
        ranked = tuple(sorted(event, key=lambda one: by.rank(one.type)))
        graph.add(by, ranked, now)
        _, again = graph.add(by, ranked, now)
        assert not again.changes_something
