"""Accounts and their users agree in the end, and say nothing in between that never held: random histories of joins,
merges, redeliveries, late and repeated telling, and deaths between any two writes, against a few obvious lines."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personas.core.compute.splitting import Limits
from personas.core.event import Event
from personas.core.moments import HOUR
from personas.core.query.definition import Definition
from personas.stores import links, profiles
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.runs import Runs, finish_all
from tests.unit.profile.test_once import (
    ACCOUNTS,
    DEFINITIONS,
    Life,
    deliver,
    limits,
    lives,
    person,
    step,
    which,
    yes,
)
from tests.unit.profile.world import START, World, definition


def of_accounts(name: str, query: str) -> Definition:
    return definition(name, query, "audience", collection="accounts")


LINKED = (
    of_accounts("any_ordered", "ANY (event('Order').count() >= 1)"),
    of_accounts("all_ordered", "ALL (event('Order').count() >= 2)"),
    of_accounts("none_ordered", "ALL NOT event('Order').count() >= 1"),
    of_accounts("quiet", "ALL NOT event('Order').within(3 hours).count() >= 1"),
    of_accounts("any_spree", "ANY (trait('spree') = 'true') AND trait('all_orders') >= 1"),
    definition("of_busy", "trait('t0') >= 0 AND trait('busy') = 'true'", "audience"),
    definition("not_of_quiet", "NOT (trait('quiet') = 'true')", "audience"),
    of_accounts("all_of_busy", "ALL (trait('of_busy') = 'true')"),
)
EDITED = of_accounts("all_ordered", "ALL (event('Order').sum(property('price')) >= 4)")

tell = step("tell", st.integers(1, 10), st.one_of(st.none(), st.integers(0, 3)))
call = step(
    "call",
    person,
    st.sampled_from(["order", "order", "group", "group", "identify"]),
    st.integers(-30, 240),
    st.integers(0, 5),
    yes,
)
steps = st.one_of(
    call,
    call,
    call,
    call,
    step("resolve", which, yes),
    step("merge", person, person, yes),
    step("send_late", which, yes),
    deliver,
    deliver,
    deliver,
    tell,
    tell,
    tell,
    step("tell_again", st.integers(1, 10)),
    step("redeliver", st.integers(1, 5)),
    step("bisect", st.integers(0, 1000), lives),
    step("time_passes", st.integers(1, 90), yes),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=30, max_size=80), limits)
def test_accounts_and_users_agree(history: list[tuple[Any, ...]], limits: Limits) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock, limits):
        life = Linked(plane, clock)
        for name, *arguments in history:
            getattr(life, name)(*arguments)
        life.check()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.one_of(steps, steps, steps, step("go_on", lives)), min_size=30, max_size=60), st.integers(0, 30), limits
)
def test_definitions_that_come_later_and_change_agree_too(
    history: list[tuple[Any, ...]], begin: int, limits: Limits
) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock, limits):
        life = Linked(plane, clock, LINKED[:2])
        for place, (name, *arguments) in enumerate(history):
            if place == begin:
                life.save()
            getattr(life, name)(*arguments)
        life.check()


def test_what_accounts_will_ask_of_their_users_covers_the_past(world: World) -> None:
    join, order = {"type": "group", "groupId": "g"}, {"type": "track", "event": "Order"}
    world.send(
        world.resolved("use_a", world.event("g", join), "acc_x"), world.resolved("use_a", world.event("m", order))
    )
    world.settle()
    world.save(LINKED[0], LINKED[2])
    world.backfill()
    assert world.computed("acc_x", World.stored) == {"any_ordered": True}


class Linked(Life):
    def __init__(self, plane: Plane, clock: Clock, linked: tuple[Definition, ...] = LINKED) -> None:
        super().__init__(plane, clock)
        self.queries = {one.key: one for one in linked}
        self.world.define(*DEFINITIONS, *linked)
        self.world.settle()
        self.runs = Runs(self.world)

    def save(self) -> None:
        self.world.save(EDITED, *LINKED[2:])
        self.runs.start()
        self.queries = {one.key: one for one in (*LINKED, EDITED)}

    def go_on(self, lives: int | None) -> None:
        self.runs.go_on(lives)

    def tell(self, most: int, lives: int | None) -> None:
        self.world.tell(most, lives)

    def tell_again(self, most: int) -> None:
        self.world.told_up_to = max(0, self.world.told_up_to - most)

    def bisect(self, lane: int, lives: int | None) -> None:
        """A worker dies in the middle of all there is; then comes a single record."""
        self.deliver(lane, 1000, lives)
        self.deliver(lane, 1, None)

    def check(self) -> None:
        finish_all(self.runs)
        self.world.told_up_to = 0
        super().check()
        self._hold_order()

    def _hold_against_oracle(self) -> None:
        super()._hold_against_oracle()
        calls = [(self.world.root(one), event, account) for one, event, account in self.sent]
        good = [(one, event, account) for one, event, account in calls if isinstance(event.traits, dict)]
        users = {account: sorted({one for one, _, named in good if named == account}) for account in ACCOUNTS}
        told = {
            account: of_account([[e for one, e, _ in good if one == user] for user in users[account]], self.clock.ms)
            for account in ACCOUNTS
        }
        within = {root: [account for account in ACCOUNTS if root in users[account]] for root, _, _ in calls}
        of_busy: dict[str, bool] = {}
        for root in {one for one, _, _ in good}:
            computed = self.world.computed(root)
            of_busy[root] = any(told[account]["busy"] for account in within[root]) and "t0" in self._traits(root)
            quiet = any(told[account]["quiet"] for account in within[root])
            for key, holds in {"of_busy": of_busy[root], "not_of_quiet": not quiet}.items():
                if key in self.queries:
                    assert computed.get(key, False) is holds, (root, key)
        for account in ACCOUNTS:
            listed = [user for page, _ in links.pages(self.world.space, account) for user in page]
            assert listed == users[account]
            if not users[account]:
                continue
            if self.queries["all_ordered"] is EDITED:
                told[account]["all_ordered"] = told[account]["all_spent_four"]
            told[account]["all_of_busy"] = all(of_busy[user] for user in users[account])
            computed = self.world.computed(account)
            for key, holds in told[account].items():
                assert key not in self.queries or computed.get(key, False) is holds, (account, key)

    def _traits(self, root: str) -> dict[str, Any]:
        found = self.world.now(root)
        return found.values() if found else {}

    def _hold_order(self) -> None:
        """Users join and merge and order; none ever leaves. So some things never turn back, not for a moment."""
        for old, new in self.plane.images:
            if old is None:
                continue
            before, after = profiles.of_image(old).computed, profiles.of_image(new).computed
            if "any_ordered" in before and before["any_ordered"].value is True:
                assert after["any_ordered"].value is True
            if "none_ordered" in before and before["none_ordered"].value is False:
                assert after["none_ordered"].value is False


def of_account(users: list[list[Event]], now: int) -> dict[str, bool]:
    """By the events of each of its users."""
    orders = [[event for event in events if event.name == "Order" and event.at <= now] for events in users]
    hour = now // HOUR * HOUR
    lately = [[event for event in one if event.at >= hour - 3 * HOUR] for one in orders]
    spree = [len([event for event in one if event.at >= hour - 2 * HOUR]) for one in orders]
    return {
        "any_ordered": any(orders),
        "all_ordered": bool(users) and all(len(one) >= 2 for one in orders),
        "all_spent_four": bool(users) and all(sum(e.properties["price"] for e in one) >= 4 for one in orders),
        "none_ordered": bool(users) and not any(orders),
        "quiet": bool(users) and not any(lately),
        "any_spree": any(count >= 2 for count in spree),
        "busy": sum(spree) >= 3,
    }
