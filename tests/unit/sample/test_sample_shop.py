"""The sample store's calls are what a shop would send, and the same on every replay."""

import itertools
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from personas.local.sample.catalogue import revenue
from personas.local.sample.shop import ACCOUNT_EVENTS, Call, calls, rows, shift


@pytest.fixture(scope="module")
def log():
    return rows()


@pytest.fixture(scope="module")
def played(log) -> list[Call]:
    return list(calls(log))


def test_every_row_becomes_one_event_and_each_known_device_one_identify_call(log, played):
    assert len(log) == 31_106
    assert sum(call.type != "identify" for call in played) == 31_106
    known_devices = {(row.user, row.platform) for row in log if row.event in ACCOUNT_EVENTS}
    assert sum(call.type == "identify" for call in played) == len(known_devices)


def test_message_ids_are_unique_and_repeat_on_a_replay(log, played):
    ids = [call.message_id for call in played]
    assert len(set(ids)) == len(ids)
    assert ids == [call.message_id for call in calls(log)]
    assert played == list(calls(log))


def test_a_device_is_anonymous_until_it_identifies_and_known_from_then_on(played):
    known = set()
    for call in played:
        if call.type == "identify":
            known.add(call.anonymous_id)
        assert (call.user_id is not None) == (call.anonymous_id in known)


def test_a_device_belongs_to_one_person(played):
    people = defaultdict(set)
    for call in played:
        if call.user_id:
            people[call.anonymous_id].add(call.user_id)
    assert all(len(users) == 1 for users in people.values())


def test_calls_come_in_the_order_in_which_they_happened(played):
    assert all(earlier.at <= later.at for earlier, later in itertools.pairwise(played))


def test_an_order_s_revenue_is_the_sum_of_its_products(played):
    orders = [call.payload for call in played if call.name == "Order Completed"]
    assert len(orders) == 470
    assert all(order["revenue"] == revenue(order["products"]) > 0 for order in orders)


def test_the_shift_puts_the_last_event_an_hour_ago(log):
    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert log[-1].at + shift(log, now) == now - timedelta(hours=1)
