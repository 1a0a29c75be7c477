"""What is recorded of a space's events, resolved again: by the same rules it gives what is, by others what would be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorder import Recorder, grouped
from test_resolver import events, ids, rules, some_rules
from thorough import thorough

from personas.core.identifier import Identifier
from personas.core.identity.rules import Rules
from personas.core.moments import HOUR
from personas.core.simulation.replay import Replay
from personas.core.simulation.report import report


def replayed(recorder: Recorder, by: Rules) -> set[frozenset[Identifier]]:
    history = recorder.history()
    return grouped(Replay(by, history.apart, history.homes).run(history.traces()).profiles())


steps = st.sampled_from([0, 1, HOUR, 30 * HOUR, -HOUR, -7])
"""Also events within one millisecond, and events that were received before others and resolved after them."""

lived = st.lists(st.tuples(st.lists(events.map(lambda pair: pair[0]), min_size=1, max_size=1), steps), max_size=30)


@thorough
@given(by=some_rules, history=lived)
def test_by_the_rules_that_were_in_force_a_replay_gives_what_is(by, history) -> None:
    recorder, now = Recorder(rules(**by)), 1_000 * HOUR
    for [event], step in history:
        now += step
        recorder.add(tuple(event), now)
    assert grouped(dict(recorder.history().homes)) == recorder.partition()
    assert replayed(recorder, recorder.rules) == recorder.partition()


@thorough
@given(first=some_rules, second=some_rules, history=st.lists(events, max_size=30))
def test_by_other_rules_a_replay_gives_what_they_would_have_made_of_all_that_was_recorded(
    first, second, history
) -> None:
    recorder, fresh, now = Recorder(rules(**first)), Recorder(rules(**second)), 0
    for event, hours in history:
        now += hours * HOUR + 1
        distinct = tuple({one.type: one for one in event}.values())
        if recorder.writes_down_all_of(distinct, now):
            recorder.add(distinct, now)
            fresh.add(distinct, now)
    assert replayed(recorder, fresh.rules) == fresh.partition()


@thorough
@given(first=some_rules, second=some_rules, history=lived)
def test_the_report_counts_what_the_replay_did_and_has_an_event_for_every_profile_that_it_shows(
    first, second, history
) -> None:
    recorder, now = Recorder(rules(**first)), 1_000 * HOUR
    for [event], step in history:
        now += step
        recorder.add(tuple(event), now)
    other = rules(**second)
    told = report(recorder.history(), recorder.rules, other)
    before, after = recorder.partition(), replayed(recorder, other)
    users = told["users"]
    assert (users["profilesNow"], users["profilesThen"]) == (len(before), len(after))
    assert users["mergesLost"] == beyond_the_first(before, after)
    assert users["mergesGained"] == beyond_the_first(after, before)
    assert len(told["split"]) == min(10, sum(pieces(one, after) > 1 for one in before))
    assert len(told["merged"]) == min(10, sum(pieces(one, before) > 1 for one in after))
    for shown in (*told["split"], *told["merged"]):
        assert shown["why"]
    assert all(event["rule"] for shown in told["split"] for event in shown["why"])
    assert [entry["identifierCount"] for entry in told["largest"]] == sorted(map(len, after), reverse=True)[:10]


def pieces(members: frozenset[Identifier], others: set[frozenset[Identifier]]) -> int:
    return sum(bool(members & other) for other in others)


def beyond_the_first(some: set[frozenset[Identifier]], others: set[frozenset[Identifier]]) -> int:
    return sum(max(0, pieces(one, others) - 1) for one in some)


@pytest.fixture
def household() -> Recorder:
    """Ann and Bob share an email; by the rules of then it stayed with Ann, and Bob is another profile."""
    recorder = Recorder(rules(user_id=1, email=5, anonymous_id=5))
    for now, event in enumerate(
        [("user_id:ann", "email:home@b.c"), ("user_id:bob", "email:home@b.c"), ("user_id:bob", "anonymous_id:tablet")],
        1,
    ):
        recorder.add(ids(*event), now)
    return recorder


def test_looser_rules_gain_a_merge_and_the_report_names_the_event(household: Recorder) -> None:
    told = report(household.history(), household.rules, rules(user_id=2, email=5, anonymous_id=5))
    assert (told["users"]["mergesGained"], told["users"]["mergesLost"], told["events"]) == (1, 0, 3)
    [sample] = told["merged"]
    assert [part["identifierCount"] for part in sample["madeOf"]] == [2, 2]
    assert {part["profileId"] for part in sample["madeOf"]} == set(household.roots)
    [why] = sample["why"]
    assert why["words"] == (
        "On 1970-01-01T00:00:00.002Z the track call m2 of source src1 carried email home@b.c and user_id bob; it was"
        " set aside, because of the rule user_id: at most 1 ever; under the proposed rules they lead to one profile."
    )


def test_a_value_that_is_blocked_leads_nowhere_and_splits_what_it_had_brought_together() -> None:
    loose = rules(user_id=9, email=5)
    recorder = Recorder(loose)
    recorder.add(ids("user_id:ann", "email:info@b.c"), 1)
    recorder.add(ids("user_id:bob", "email:info@b.c"), 2)
    strict = Rules.of_data(
        {"identifiers": [{"type": "user_id", "limit": 9}, {"type": "email"}], "blockedValues": ["info@b.c"]}
    )
    told = report(recorder.history(), loose, strict)
    assert (told["users"]["profilesNow"], told["users"]["profilesThen"], told["users"]["mergesLost"]) == (1, 2, 1)
    assert told["users"]["identifiersLost"] == {"email": 1}
    [sample] = told["split"]
    assert sorted(part["leadsNowhere"] for part in sample["becomes"]) == [False, False, True]
    assert [why["words"].partition("; ")[2] for why in sample["why"]] == [
        "the proposed rules block email info@b.c."
    ] * 2
    assert told["merged"] == []


def test_what_is_received_after_the_simulation_began_is_left_out_on_both_sides(household: Recorder) -> None:
    other = rules(user_id=2, email=5, anonymous_id=5)
    before = report(household.history(until=3), household.rules, other)
    household.add(ids("user_id:ann", "anonymous_id:phone"), 4)
    household.rules = other
    household.add(ids("user_id:ann", "user_id:bob"), 5)
    assert report(household.history(until=3), household.rules, other) == before


def test_long_values_are_cut_so_that_a_report_fits_into_an_item() -> None:
    recorder = Recorder(rules(user_id=1))
    recorder.add(ids("user_id:" + "x" * 30_000), 1)
    [largest] = report(recorder.history(), recorder.rules, recorder.rules)["largest"]
    assert [len(one["value"]) for part in largest["madeOf"] for one in part["identifiers"]] == [100]
