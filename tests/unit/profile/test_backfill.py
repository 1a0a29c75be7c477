"""A definition that is saved later covers the past, each event once: whatever is in flight, merges, or dies."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.recompute import plan
from personas import backfill, backfill_due, profiles_stream
from personas.core.backfill.run import LEASE
from personas.core.compute.splitting import Limits
from personas.core.envelope import TickEnvelope
from personas.core.event import Event
from personas.core.moments import DAY, HOUR
from personas.core.query.definition import Options
from personas.core.saved_definition import SavedDefinition
from personas.stores import backfills, definitions
from personas.stores.definitions import Change
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.runs import Runs, compact
from tests.unit.profile.test_once import PEOPLE, Life, deliver, limits, lives, person, step, which, yes
from tests.unit.profile.world import ANYONE, START, World, definition

pytestmark = pytest.mark.usefixtures("folding")

ORDER = {"type": "track", "event": "Order", "properties": {"price": 5}}
ORDERS = definition("orders", "event('Order').count()")
PRO = definition("pro", "trait('plan') = 'pro'", "audience")


def saved(world: World, name: str) -> SavedDefinition:
    found = definitions.get(world.space, f"id_{name}")
    assert found is not None
    return found


def order(world: World, message_id: str, profile: str = "use_a", at: int | None = None) -> None:
    world.send(world.resolved(profile, world.event(message_id, ORDER, at)))


def test_a_definition_covers_the_past_and_goes_on(world: World) -> None:
    order(world, "m1")
    order(world, "m2")
    world.settle()
    world.save(ORDERS)
    order(world, "m3")
    assert saved(world, "orders").status == "Preparing"
    running = world.begin_backfill()
    running.go_on()
    assert saved(world, "orders").status == "Computing"
    assert world.computed("use_a") == {}
    while running.go_on():
        world.settle()
    world.settle()
    assert saved(world, "orders").status == "Live"
    assert world.computed("use_a", World.stored) == {"orders": 3}
    order(world, "m4")
    world.settle()
    assert world.computed("use_a") == {"orders": 4}


def test_quiet_profiles_are_evaluated_by_traits_alone(world: World) -> None:
    world.send(world.resolved("use_a", world.event("m", {"type": "identify", "traits": {"plan": "pro"}})))
    call = world.event("g", {"type": "group", "groupId": "g", "traits": {"plan": "pro"}})
    world.send(world.resolved("use_b", call, "acc_x"))
    world.settle()
    world.save(PRO)
    world.backfill()
    assert world.computed("use_a", World.stored) == {"pro": True}
    assert backfill_due.is_due(world.space) is False


def test_history_that_is_switched_off_counts_from_the_moment_of_saving(world: World) -> None:
    order(world, "m1", at=START - DAY)
    world.settle()
    order(world, "m2", at=START + 1)
    world.settle()
    world.save(replace(ORDERS, options=Options(ANYONE.external_ids, since=START)))
    world.clock.ms += 10
    world.backfill()
    assert world.computed("use_a") == {"orders": 1}


def test_objects_from_before_the_look_back_are_not_fetched_unless_their_events_are_later(world: World) -> None:
    for number, days in enumerate((30, 20, 0)):
        world.clock.ms = START - days * DAY
        order(world, f"m{number}", at=START - (30 if days == 30 else 0) * DAY)
        world.settle()
    old, announced, _ = sorted(key for _, key in world.plane.objects if key.startswith("events/"))
    fetched = []
    get_object = world.plane.get_object

    def watched(**asked: Any) -> Any:
        fetched.append((asked["Key"], "Range" in asked))
        return get_object(**asked)

    world.clock.ms = START + 10
    world.save(replace(ORDERS, options=Options(ANYONE.external_ids, since=START - 7 * DAY)))
    with patch.object(world.plane, "get_object", watched):
        running = world.begin_backfill()
        while backfill_due.is_wanted(world.space, 2) or not fetched:
            running.go_on()
            world.settle()
    assert (old, False) not in fetched
    assert {(old, True), (announced, True), (announced, False)} <= set(fetched)
    while running.go_on():
        world.settle()
    world.settle()
    assert world.computed("use_a") == {"orders": 2}


def test_only_whom_a_new_definition_can_concern_is_ticked(world: World) -> None:
    order(world, "m1")
    world.send(world.resolved("use_b", world.event("v", {"type": "track", "event": "Visit"})))
    world.settle()
    world.save(ORDERS)
    world.backfill()
    world.settle()
    assert world.computed("use_a", World.stored) == {"orders": 1}
    idle = world.stored("use_b")
    assert idle is not None
    world.save(definition("visits", "event('Visit').count()"))
    world.backfill("run_2")
    world.settle()
    assert world.computed("use_b", World.stored) == {"visits": 1}
    assert ticked(world) == ["use_a", "use_b"]
    assert backfill_due.is_due(world.space) is False
    world.save(definition("nobody", "event('Visit').count() = 0", "audience"))
    world.backfill("run_3")
    world.settle()
    assert ticked(world)[2:] == ["use_a", "use_b"]


def ticked(world: World) -> list[str]:
    """In the order in which it was asked for."""
    sent = sorted(record for records in world.plane.lanes.values() for record in records)
    found = [envelope for _, _, data in sent for envelope in profiles_stream.read_envelopes(data)]
    return [one.profile for one in found if isinstance(one, TickEnvelope)]


def test_what_was_in_force_stands_until_the_edit_is(world: World) -> None:
    order(world, "m1")
    world.define(definition("buyers", "event('Order').count() >= 1", "audience"))
    order(world, "m2")
    world.settle()
    assert world.computed("use_a") == {"buyers": True}
    world.save(definition("buyers", "event('Order').count() >= 3", "audience"))
    running = world.begin_backfill()
    running.go_on()
    order(world, "m3", "use_b")
    world.settle()
    assert (world.computed("use_a"), world.computed("use_b")) == ({"buyers": True}, {"buyers": True})
    while running.go_on():
        world.settle()
    world.settle()
    assert (world.computed("use_a"), world.computed("use_b")) == ({"buyers": False}, {"buyers": False})


def test_an_overlap_of_before_the_barrier_and_after_it_counts_once(world: World) -> None:
    """The loser folded the event before its lane's barrier, the survivor after; they become one meanwhile."""
    event = world.event("m", ORDER)
    world.send(world.resolved("use_b", event))
    world.settle()
    merge = world.merge("use_b", "use_a")
    world.save(ORDERS)
    running = world.begin_backfill()
    running.go_on()
    world.settle()
    world.send(world.resolved("use_b", event))
    world.settle()
    world.send(merge)
    while running.go_on():
        world.settle()
    world.settle()
    profile = world.stored("use_a")
    assert profile is not None
    assert (world.computed("use_a"), profile.events) == ({"orders": 1}, 1)


def test_a_run_that_is_lost_is_begun_afresh_by_another(world: World) -> None:
    order(world, "m1")
    order(world, "m2", "use_b")
    world.settle()
    world.save(ORDERS)
    lost = world.begin_backfill("lost")
    for _ in range(5):
        lost.go_on()
        world.settle()
    another = world.begin_backfill("another")
    assert not another.go_on(), "one run at a time"
    world.clock.ms += LEASE + 1
    plan.handle({}, None)
    assert [said["space"] for said in world.plane.started] == [world.space]
    world.backfill("another")
    world.settle()
    assert (world.computed("use_a"), world.computed("use_b")) == ({"orders": 1}, {"orders": 1})


def test_a_failure_is_said_and_the_restart_counts_once(world: World) -> None:
    order(world, "m1")
    world.settle()
    world.save(ORDERS)
    running = world.begin_backfill()
    while not running.waiting:
        running.go_on()
        world.settle()
    running.go_on()  # the shard is folded
    world.settle()
    failed = backfill.give_up(running.state, "States.TaskFailed: the bucket is gone")
    assert failed["next"] == "end"
    assert (saved(world, "orders").status, saved(world, "orders").failure) == (
        "Failed",
        "States.TaskFailed: the bucket is gone",
    )
    order(world, "m2")
    world.settle()
    assert world.computed("use_a") == {}
    definitions.change(world.space, lambda before, _: Change((before[0].restarted(),)))
    world.backfill("run_2")
    world.settle()
    assert world.computed("use_a") == {"orders": 2}


def test_progress_is_told_in_shards(world: World) -> None:
    order(world, "m1")
    world.settle()
    world.save(ORDERS)
    running = world.begin_backfill()
    while not running.waiting:
        running.go_on()
        world.settle()
    assert backfills.get(world.space).progress == 0
    running.go_on()
    assert backfills.get(world.space).progress == 100


LATE = (
    definition("late_orders", "event('Order').where(property('price') >= 1).count()"),
    definition("late_spent", "event('Order').sum(property('price'))"),
    definition("late_recent", "event('Order').within(4 hours).count()"),
    definition("late_most", "event('Order').mode(property('price') as number, 1)"),
    definition("late_strangers", "NOT (event('Order').count() >= 1)", "audience"),
)
EDITED = definition("late_orders", "event('Order').where(property('price') >= 3).count()")
backfill_steps = (
    step("save", st.integers(0, len(LATE) - 1)),
    step("go_on", lives),
    step("go_on", lives),
    step("go_on", lives),
    step("go_on", lives),
    step("edit", st.sampled_from(["cancel", "restart", "change", "remove"])),
    step("run_is_lost"),
    step("compact", lives),
    step("compact", lives),
)
call = step(
    "call", person, st.sampled_from(["order", "order", "identify"]), st.integers(-30, 240), st.integers(0, 5), yes
)
steps = st.one_of(
    call,
    call,
    call,
    step("resolve", which, yes),
    step("resolve", which, yes),
    step("merge", person, person, yes),
    step("send_late", which, yes),
    deliver,
    deliver,
    deliver,
    step("redeliver", st.integers(1, 3)),
    step("time_passes", st.integers(1, 90), yes),
    *backfill_steps,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=20, max_size=60), limits)
def test_the_past_counts_once_at_every_seam(history: list[tuple[Any, ...]], limits: Limits) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock, limits):
        life = Later(plane, clock)
        for name, *arguments in history:
            getattr(life, name)(*arguments)
        life.check()


class Later(Life):
    """A life in which definitions are saved, edited and computed while everything else goes on."""

    def __init__(self, plane: Plane, clock: Clock) -> None:
        super().__init__(plane, clock)
        self.runs = Runs(self.world)

    def save(self, place: int) -> None:
        if definitions.get(self.world.space, LATE[place].id) is None:
            self.world.save(LATE[place])
            self.runs.start()

    def go_on(self, lives: int | None) -> None:
        self.runs.go_on(lives)

    def edit(self, how: str) -> None:
        known = definitions.get(self.world.space, LATE[0].id)
        if known is None:
            return
        if how == "cancel" and known.pending:
            changed = known.cancelled()
        elif how == "restart" and known.status == "Failed":
            changed = known.restarted()
        elif how == "change" and not known.pending:
            changed = known.changed(EDITED, True)
        elif how == "remove":
            definitions.change(self.world.space, lambda *_: Change(removed=(known.id,)))
            self.runs.start()
            return
        else:
            return
        definitions.change(self.world.space, lambda *_: Change((changed,)))
        self.runs.start()

    def run_is_lost(self) -> None:
        self.runs.lose()

    def compact(self, lives: int | None) -> None:
        compact(self.world, lives)

    def check(self) -> None:
        self.world.send(*self.waiting)
        self.waiting = []
        self.runs.finish()
        super().check()

    def _hold_against_oracle(self) -> None:
        super()._hold_against_oracle()
        good = [(one, event) for one, event, _ in self.sent if isinstance(event.traits, dict)]
        late = {one.definition.key: one for one in definitions.of_space(self.world.space) if "late" in one.id}
        for root in {self.world.root(one) for one in PEOPLE}:
            mine = [event for one, event in good if self.world.root(one) == root]
            if not mine:
                continue
            computed = self.world.computed(root)
            for key, found in late.items():
                assert found.status in ("Live", "Failed")
                if found.live:
                    assert computed.get(key, False if found.live.kind == "audience" else None) == expected(
                        found.live.query, mine, self.clock.ms
                    ), key
                else:
                    assert key not in computed


def expected(query: str, events: list[Event], now: int) -> Any:
    """In a few obvious lines, as docs/query.md says; None: no value."""
    orders = [event for event in events if event.name == "Order" and event.at <= now]
    prices = [event.properties["price"] for event in orders]
    if "NOT" in query:
        return not orders
    if "sum" in query:
        return sum(prices) if orders else None
    if "mode" in query:
        return min(sorted(set(prices), key=str), key=lambda price: -prices.count(price)) if prices else None
    if "within" in query:
        return len([e for e in orders if e.at >= now // HOUR * HOUR - 4 * HOUR]) if orders else None
    least = 3 if ">= 3" in query else 1
    return len([price for price in prices if price >= least]) if any(price >= least for price in prices) else None
