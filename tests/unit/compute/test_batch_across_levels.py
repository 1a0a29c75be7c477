"""What accounts and users ask each other, the batch answers as the oracle and the stream do."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personas import batch
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.questions import NOBODY, Answers
from personas.core.compute.state import ComputeState
from personas.core.query.definition import Definition
from personas.core.query.formatter import format_query
from tests.unit.compute.archived import database, fill
from tests.unit.compute.histories import NAMES, History, histories
from tests.unit.compute.oracle import Oracle
from tests.unit.compute.test_state_against_oracle import said
from tests.unit.query.trees import account_audiences, audiences

EXAMPLES = settings().max_examples
DATABASE = database()
ACCOUNTS = 3


def computed(
    definitions: DefinitionSet, found: Sequence[History], collection: str, heard: Sequence[Answers]
) -> list[dict[str, Any]]:
    """In the order of the histories; the stream says the same."""
    at = found[0].at
    fill(DATABASE, found, heard)
    values = {int(one.profile): one.values for one in batch.compute(DATABASE, definitions, at, collection)}
    for number, history in enumerate(found):
        state = ComputeState()
        for event in history.events:
            state.add(definitions, event, min(event.at, at))
        streamed = state.evaluate(definitions, history.traits, history.held, at, collection, heard[number])
        assert said(values[number]) == said(streamed.values)
    return [values[number] for number in range(len(found))]


def heard_of(linked: Sequence[dict[str, Any]], keys: dict[str, str]) -> Answers:
    """What these values answer; `keys` by question."""
    counts = {question: (len(linked), sum(one.get(key) is True for one in linked)) for question, key in keys.items()}
    return Answers(len(linked), counts)


@settings(max_examples=max(1, EXAMPLES // 20), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_batch_answers_across_the_levels_as_the_oracle_and_the_stream_do(data: st.DataObject) -> None:
    drawn = data.draw(st.lists(histories, min_size=1, max_size=4), label="users")
    first = drawn[0]
    users = [replace(user, definitions=first.definitions, at=first.at) for user in drawn]
    keys = ("c", *(definition.key for definition in first.definitions))
    asked = audience(data.draw(account_audiences(NAMES, keys)), "asked", "accounts", first)
    refers = audience(data.draw(audiences(NAMES, (*keys, "asked", "asked"))), "refers", "users", first)
    pairs = [(user, account) for user in range(len(users)) for account in range(ACCOUNTS)]
    links = set(data.draw(st.lists(st.sampled_from(pairs)), label="links"))
    definitions = DefinitionSet.of(1, [*first.definitions, asked, refers])

    of_account = [[user for user, of in sorted(links) if of == account] for account in range(ACCOUNTS)]
    accounts = [
        History([], [event for user in mine for event in users[user].events], {}, frozenset(), first.at)
        for mine in of_account
    ]
    # What no account is asked about for is right at once; what is, once the accounts have answered.
    asking = computed(definitions, users, "members", [NOBODY] * len(users))
    questions = {question: question for question in definitions.asked_of_members}
    of_users = [heard_of([asking[user] for user in mine], questions) for mine in of_account]
    of_accounts = computed(definitions, accounts, "accounts", of_users)
    answering = {question: key for key, question in definitions.asked_of_accounts.items()}
    mine_of = [[of_accounts[account] for user, account in links if user == number] for number in range(len(users))]
    found = computed(definitions, users, "users", [heard_of(mine, answering) for mine in mine_of])

    told = [Oracle([*first.definitions, asked], one.events, one.traits, one.held, first.at) for one in users]
    for account, mine in enumerate(of_account):
        oracle = Oracle([asked], accounts[account].events, {}, asked.options.external_ids, first.at)
        oracle.users = [told[user] for user in mine]
        assert of_accounts[account] == oracle.values()
    for number, user in enumerate(users):
        traits = {**user.traits, "asked": any(values["asked"] for values in mine_of[number])}
        oracle = Oracle([*first.definitions, refers], user.events, traits, user.held, first.at)
        assert said(found[number]) == said(oracle.values())


def audience(tree: Any, key: str, collection: str, like: History) -> Definition:
    options = like.definitions[0].options
    return Definition(f"id_{key}", key, key, "audience", collection, format_query(tree), 1, options)
