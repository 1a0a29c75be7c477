"""What an account asks of its users is what the plainest reading says, and so are the table's rows."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.questions import Answers
from personas.core.compute.state import ComputeState
from personas.core.event import Event
from personas.core.moments import HOUR
from personas.core.query.definition import Definition
from personas.core.query.formatter import format_query
from personas.core.query.references import CyclicDefinitions
from tests.unit.compute.histories import NAMES, History, histories
from tests.unit.compute.oracle import Oracle
from tests.unit.compute.test_meaning import NOW, rows
from tests.unit.compute.test_state_against_oracle import EXAMPLES
from tests.unit.query.trees import account_audiences


def audience(query: str, key: str = "d", collection: str = "accounts") -> Definition:
    return Definition(f"id_{key}", key, key, "audience", collection, query, 1)


def account_of(
    definitions: DefinitionSet, users: Sequence[History], at: int, heard: Answers | None = None
) -> dict[str, object]:
    """The account's values, asked of users that have been evaluated each by itself."""
    state, counts = ComputeState(), dict.fromkeys(definitions.asked_of_members, (0, 0))
    for user in users:
        own = ComputeState()
        for event in user.events:
            own.add(definitions, event, at)
            state.add(definitions.told, event, at)
        found = own.evaluate(definitions, user.traits, user.held, at, "members").values
        counts = {key: (answered + 1, yes + found[key]) for key, (answered, yes) in counts.items()}
    answers = Answers(len(users), counts)
    return state.evaluate(definitions, {}, (), at, "accounts", heard or answers).values


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(st.data())
def test_an_account_holds_what_the_oracle_says(data: st.DataObject) -> None:
    users = data.draw(st.lists(histories, max_size=3), label="users")
    of_users = users[0].definitions if users else []
    at = users[0].at if users else 0
    users = [replace(user, definitions=of_users, at=at) for user in users]
    keys = ("c", *(definition.key for definition in of_users))
    options = of_users[0].options if of_users else Definition.__dataclass_fields__["options"].default
    asked = replace(audience(format_query(data.draw(account_audiences(NAMES, keys)))), options=options)
    asked = replace(asked, key="asked")
    told = [Oracle([*of_users, asked], user.events, user.traits, user.held, at) for user in users]
    every = [event for user in users for event in user.events]
    account = Oracle([asked], every, {}, options.external_ids, at, users=told)
    found = account_of(DefinitionSet.of(1, [*of_users, asked]), users, at)
    assert found == account.values()


@pytest.mark.parametrize(("users", "query", "result"), list(rows("what its users have done | query | result")))
def test_conditions_over_users_mean_what_the_page_says(users: str, query: str, result: str) -> None:
    known = []
    for number, did in enumerate(users.split("; ") if users != "none" else ()):
        words = [each.split() for each in did.split(", ") if each != "-"]
        events = [
            Event(
                "sp", "s", NOW - int(ago) * HOUR, NOW, {"type": "track", "event": name, "messageId": f"{number}{name}"}
            )
            for name, ago in words
        ]
        known.append(History([], events, {}, frozenset(), NOW))
    definition = audience(query)
    assert account_of(DefinitionSet.of(1, [definition]), known, NOW) == {"d": result == "yes"}
    told = [Oracle([definition], user.events, {}, (), NOW) for user in known]
    every = [event for user in known for event in user.events]
    assert Oracle([definition], every, {}, {"email"}, NOW, users=told).values() == {"d": result == "yes"}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((0, 0), {}), ((1, 0), {"all": False}), ((1, 1), {"any": True}), ((2, 1), {"any": True, "all": False})],
)
def test_what_is_not_answered_by_all_is_decided_only_where_that_changes_nothing(
    counts: tuple[int, int], expected: dict[str, bool]
) -> None:
    condition = "event('A').count() >= 1"
    definitions = DefinitionSet.of(1, [audience(f"ANY ({condition})", "any"), audience(f"ALL ({condition})", "all")])
    (question,) = definitions.asked_of_members
    assert account_of(definitions, [], 0, Answers(3, {question: counts})) == expected


def test_definitions_in_a_circle_across_the_levels_are_refused_with_the_path() -> None:
    with pytest.raises(
        CyclicDefinitions, match=r"vip \(users\) -> big \(accounts\) -> vip \(users\)|big \(acc"
    ) as error:
        DefinitionSet.of(
            1, [audience("trait('big') = 'true'", "vip", "users"), audience("ANY (trait('vip') = 'true')", "big")]
        )
    assert set(error.value.path) == {"vip", "big"}
    with pytest.raises(CyclicDefinitions, match="me -> me"):
        DefinitionSet.of(1, [audience("ANY (trait('me') = 'true')", "me")])


def test_keys_of_the_same_name_on_both_levels_are_no_circle() -> None:
    own = [audience("trait('plan') = 'pro'", "vip", "users"), audience("ANY (trait('vip') = 'true')", "vip")]
    assert DefinitionSet.of(1, own).asked_of_accounts == {}


def test_a_question_is_the_same_while_it_is_asked_and_another_one_when_it_is_asked_anew() -> None:
    one, other = audience("ANY (event('A').count() >= 1)", "one"), audience("ALL (event('A').count() >= 1)", "other")
    first = DefinitionSet.of(3, [one], kept_since={})
    both = DefinitionSet.of(4, [one, other], kept_since=first.kept_since)
    assert both.asked_of_members == first.asked_of_members
    none = DefinitionSet.of(5, [], kept_since=both.kept_since)
    again = DefinitionSet.of(6, [one], kept_since=none.kept_since)
    assert none.asked_of_members == ()
    assert again.asked_of_members != first.asked_of_members
    loaded = DefinitionSet.of_data(again.to_data())
    assert loaded.asked_of_members == again.asked_of_members
