"""Time that a test moves: which runs lie on the way, in what order, and which are skipped because nothing is due."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from personas.core.errors import InvalidInput
from personas.core.moments import DAY, HOUR, MINUTE, SECOND, hour_of, parse_iso
from personas.local.engine_clock import EngineClock
from personas.local.foresight import Foresight, _agenda_moment, _due_hour
from personas.local.invocation import Invocation
from personas.local.provision import emulated_client
from personas.local.runner import Runner
from personas.local.schedule_expression import expression
from personas.local.schedules import Schedule, Target, schedules
from personas.local.template import Template, UnusableTemplate
from personas.local.timekeeper import Timekeeper
from personas.stores import agenda, due_log
from tests.engine import front_emulator


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("rate(1 minute)", "2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"),
        ("rate(12 hours)", "2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z"),
        ("cron(0 * * * ? *)", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
        ("cron(0/15 8-10 * * ? *)", "2026-01-01T10:50:00Z", "2026-01-02T08:00:00Z"),
        ("cron(30 6 1 1,JUL ? *)", "2026-01-02T00:00:00Z", "2026-07-01T06:30:00Z"),
        ("cron(0 9 ? * MON-FRI *)", "2026-01-02T09:00:00Z", "2026-01-05T09:00:00Z"),
        ("cron(0 0 31 * ? *)", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"),
        ("cron(0 0 1 1 ? 2030)", "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
    ],
)
def test_the_next_run_is_when_eventbridge_has_it(text, after, expected):
    assert expression(text).next_after(parse_iso(after)) == parse_iso(expected)


def test_a_cron_in_a_zone_follows_that_zone():
    moment = expression("cron(0 9 * * ? *)", "Europe/Berlin").next_after(parse_iso("2026-01-01T00:00:00Z"))
    assert moment == parse_iso("2026-01-01T08:00:00Z")


def test_a_year_that_is_past_has_no_next_run():
    assert expression("cron(0 0 1 1 ? 2020)").next_after(parse_iso("2026-01-01T00:00:00Z")) is None


@pytest.mark.parametrize("text", ["cron(0 0 L * ? *)", "at(2026-01-01T00:00:00)", "cron(0 0)", "rate(1 minute"])
def test_what_is_not_served_is_refused(text):
    with pytest.raises(UnusableTemplate):
        expression(text)


def test_the_clock_keeps_its_offset_over_a_restart_and_never_goes_back(tmp_path):
    clock = EngineClock(tmp_path / "clock.json")
    clock.advance(90 * DAY)
    assert EngineClock(tmp_path / "clock.json").offset_ms == 90 * DAY
    with pytest.raises(InvalidInput):
        clock.advance(-1)


def test_rules_and_schedules_are_read_from_the_template():
    body = {
        "Resources": {
            "Hourly": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "ScheduleExpression": "rate(1 hour)",
                    "Targets": [{"Arn": "arn:a", "Id": "0"}, {"Arn": "arn:b", "Id": "1", "Input": '{"x": 1}'}],
                },
            },
            "Off": {
                "Type": "AWS::Events::Rule",
                "Properties": {"ScheduleExpression": "rate(1 day)", "State": "DISABLED"},
            },
            "Daily": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "Name": "daily",
                    "ScheduleExpression": "cron(0 9 * * ? *)",
                    "ScheduleExpressionTimezone": "Europe/Berlin",
                    "Target": {"Arn": "arn:c", "Input": '{"y": 2}'},
                },
            },
        }
    }
    found = schedules(Template(body, "shop"))
    assert set(found) == {"shop-Hourly", "daily"}
    assert found["shop-Hourly"].targets == (Target("arn:a"), Target("arn:b", {"x": 1}))
    assert found["daily"].targets == (Target("arn:c", {"y": 2}),)


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory) -> Iterator[Any]:
    with front_emulator.emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield emulated_client("dynamodb", url)


class World:
    """Two schedules, as in the app: one of every minute that works off an agenda, one of every hour for the due log."""

    def __init__(self, tmp_path: Path, dynamodb: Any, request_name: str) -> None:
        self.dynamodb, self.table = dynamodb, f"t-{request_name}"[:200]
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
        attributes = [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in keys]
        dynamodb.create_table(
            TableName=self.table, KeySchema=keys, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
        )
        self.clock = EngineClock(tmp_path / "clock.json")
        whole_hour = (hour_of(self.clock.now_ms()) + 1) * HOUR
        self.clock.advance(whole_hour - self.clock.now_ms() + 10 * MINUTE)
        self.start = whole_hour
        self.ran: list[tuple[str, int]] = []
        planned = {
            "recompute": Schedule("recompute", "arn:r", expression("cron(0 * * * ? *)"), (Target("recompute"),)),
            "activation": Schedule("activation", "arn:a", expression("rate(1 minute)"), (Target("activation"),)),
        }
        self.runner = Runner(planned, None, self._invoke, self.clock, tmp_path / "schedules.json")  # type: ignore[arg-type]
        foresights = {
            "recompute": Foresight(self.table, "#due", _due_hour),
            "activation": Foresight(self.table, "#agenda", _agenda_moment),
        }
        self.timekeeper = Timekeeper(self.runner, self.clock, foresights, dynamodb, self._settle)

    def due(self, hour: int) -> None:
        self._put(due_log.due_pk("spa_1"), f"{due_log.hour_prefix(hour_of(self.start) + hour)}1#a")

    def agenda(self, ms: int) -> None:
        self._put(agenda.partition("spa_1"), f"des_1#0#{self.start + ms:013d}#ab")

    def advance(self, ms: int) -> list[tuple[str, float]]:
        """The runs, with the hours since the start at which they began."""
        asyncio.run(self.timekeeper.advance(ms))
        return [(name, round((at - self.start) / HOUR, 2)) for name, at in self.ran]

    def _put(self, pk: str, sk: str) -> None:
        self.dynamodb.put_item(TableName=self.table, Item={"pk": {"S": pk}, "sk": {"S": sk}})

    async def _settle(self) -> None:
        pass

    async def _invoke(self, name: str, payload: bytes) -> Invocation:
        """What the workflows do: take what is due out of their log."""
        now = self.clock.now_ms()
        self.ran.append((name, now))
        marker, moment = ("#due", _due_hour) if name == "recompute" else ("#agenda", _agenda_moment)
        for item in self.dynamodb.scan(TableName=self.table)["Items"]:
            if marker in item["pk"]["S"] and moment(item) <= now:
                self.dynamodb.delete_item(TableName=self.table, Key=item)
        assert abs(parse_iso(json.loads(payload)["time"]) - now) < SECOND
        return Invocation(b"{}")


@pytest.fixture
def world(tmp_path, dynamodb, request) -> World:
    return World(tmp_path, dynamodb, request.node.name)


def test_sixty_days_with_nothing_due_run_the_hourly_schedule_once_at_the_end(world):
    assert world.advance(60 * DAY) == [("recompute", 60 * 24)]


def test_an_hour_that_has_something_due_is_run_at_that_hour(world):
    world.due(5)
    world.due(30)
    assert world.advance(2 * DAY) == [("recompute", 5), ("recompute", 30), ("recompute", 48)]


def test_less_than_an_hour_runs_nothing_that_is_not_due(world):
    assert world.advance(20 * MINUTE) == []


def test_a_retry_runs_the_minute_after_it_fell_due_and_between_hours_in_order(world):
    world.due(2)
    world.agenda(2 * HOUR + 30 * MINUTE + 5 * SECOND)
    world.agenda(HOUR + 30 * MINUTE)
    ran = world.advance(3 * HOUR)
    assert ran == [("activation", 1.5), ("recompute", 2), ("activation", 2.52), ("recompute", 3)]


def test_what_was_overdue_before_does_not_make_the_clock_stop_at_every_minute(world):
    world.agenda(-MINUTE)
    assert world.advance(30 * MINUTE) == []


def test_the_hours_due_while_a_run_works_are_found_too(world):
    original = world._invoke

    async def invoke(name: str, payload: bytes) -> Invocation:
        if name == "recompute" and len(world.ran) == 0:
            world.due(9)
        return await original(name, payload)

    world.runner._invoke = invoke
    world.due(4)
    assert world.advance(12 * HOUR) == [("recompute", 4), ("recompute", 9), ("recompute", 12)]


def test_the_clock_stands_where_it_was_moved_to(world):
    before = world.clock.now_ms()
    world.advance(3 * HOUR)
    assert 0 <= world.clock.now_ms() - before - 3 * HOUR < 10 * SECOND
    assert datetime.fromtimestamp(world.clock.now_ms() / 1000, UTC).year >= 2024


def test_moving_the_clock_marks_what_it_passed_as_served(world, tmp_path):
    world.advance(3 * HOUR)
    again = Runner(world.runner.schedules, None, world._invoke, world.clock, tmp_path / "schedules.json")
    assert again.due("recompute") == world.start + 4 * HOUR
