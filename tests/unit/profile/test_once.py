"""Whatever breaks, each event counts once: random histories with crashes, redeliveries, bisected batches, merges with
events in flight and an identity stage that runs twice, against a few obvious lines."""

import random
from typing import Any

import pyarrow.parquet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personas.core.compute.splitting import LIMITS, Limits
from personas.core.event import Event
from personas.core.moments import HOUR, MINUTE
from personas.core.profile.profile import Profile
from personas.stores import dead_letters, pages, profiles
from tests.unit.compute.cold_table import TINY
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.world import START, World, definition

PEOPLE = ["use_a", "use_b", "use_aek", "use_afg"]
"""Three of them lie in one lane, so that one record speaks of several."""
ACCOUNTS = ["acc_x", "acc_y"]
DEFINITIONS = (
    definition("orders", "event('Order').count()"),
    definition("spent", "event('Order').sum(property('price'))"),
    definition("recent", "event('Order').within(3 hours).count()"),
    definition("buyers", "event('Order').count() >= 1", "audience"),
    definition("spree", "event('Order').within(2 hours).count() >= 2", "audience"),
    definition("all_orders", "event('Order').count()", collection="accounts"),
    definition("all_spent", "event('Order').sum(property('price'))", collection="accounts"),
    definition("all_recent", "event('Order').within(4 hours).count()", collection="accounts"),
    definition("busy", "event('Order').within(2 hours).count() >= 3", "audience", collection="accounts"),
)


def step(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(st.just(name), *arguments)


limits = st.sampled_from([LIMITS, *TINY])
person, which, yes = st.sampled_from(PEOPLE), st.integers(0, 50), st.booleans()
kind = st.sampled_from(["order", "order", "order", "identify", "group", "poison"])
lives = st.one_of(st.none(), st.integers(0, 3), st.integers(3, 10))
deliver = step("deliver", st.integers(0, 1000), st.integers(1, 20), lives)
steps = st.one_of(
    step("call", person, kind, st.integers(-30, 240), st.integers(0, 5), yes),
    step("call", person, kind, st.integers(-30, 240), st.integers(0, 5), yes),
    step("call", person, kind, st.integers(-30, 240), st.integers(0, 5), yes),
    step("resolve", which, yes),
    step("merge", person, person, yes),
    step("send_late", which, yes),
    deliver,
    deliver,
    deliver,
    deliver,
    step("redeliver", st.integers(1, 5)),
    step("kinesis_refuses", st.sets(st.integers(0, 5))),
    step("time_passes", st.integers(1, 90), yes),
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=30, max_size=80), limits)
def test_each_event_counts_once(history: list[tuple[Any, ...]], limits: Limits) -> None:
    plane, clock = Plane(), Clock(START)
    with installed(plane, clock, limits):
        life = Life(plane, clock)
        for name, *arguments in history:
            getattr(life, name)(*arguments)
        life.check()


class Life:
    """What may happen to a few people, step by step, and what must come of it."""

    def __init__(self, plane: Plane, clock: Clock) -> None:
        self.plane, self.clock = plane, clock
        self.world = self.make_world()
        self.sent: list[tuple[str, Event, str | None]] = []
        """Every call that was ever made: by whom (the profile that the person began with), what, for which account."""
        self.waiting: list[Any] = []
        """Envelopes that identity has resolved and not yet sent, and merges committed and not yet announced."""
        self.world.create(*DEFINITIONS)
        self.world.settle()

    def make_world(self) -> World:
        return World(self.plane, self.clock)

    def call(self, person: str, kind: str, ago: int, value: int, now: bool) -> None:
        """So many minutes ago; `now`: it is sent at once, not late."""
        account = ACCOUNTS[value % 2] if kind == "group" else None
        bodies: dict[str, dict[str, Any]] = {
            "order": {"type": "track", "event": "Order", "properties": {"price": value}},
            "identify": {"type": "identify", "traits": {f"t{value % 2}": value or None}},
            "group": {"type": "group", "groupId": f"g{value % 2}", "traits": {"size": value or None}},
            "poison": {"type": "identify", "traits": [value]},
        }
        event = self.world.event(f"m{len(self.sent)}", bodies[kind], self.clock.ms - ago * MINUTE)
        self.sent.append((person, event, account))
        self.resolve(-1, now)

    def resolve(self, which: int, now: bool) -> None:
        """Identity (again): the event goes to whoever the person is by now."""
        if self.sent:
            person, event, account = self.sent[which % len(self.sent)]
            envelope = self.world.resolved(person, event, account)
            self._send_or_wait(envelope, now)

    def merge(self, one: str, other: str, now: bool) -> None:
        survivor, loser = sorted((self.world.root(one), self.world.root(other)))
        if survivor != loser:
            self._send_or_wait(self.world.merge(loser, survivor), now)

    def send_late(self, which: int, keep: bool) -> None:
        """What waited is sent, out of turn; `keep`: and will be once more."""
        if self.waiting:
            place = which % len(self.waiting)
            self.world.send(self.waiting[place] if keep else self.waiting.pop(place))

    def _send_or_wait(self, envelope: Any, now: bool) -> None:
        if now:
            self.world.send(envelope)
        else:
            self.waiting.append(envelope)

    def deliver(self, seed: int, most: int, lives: int | None) -> None:
        """A batch of some lanes; `lives`: the writes until the worker dies. It comes again, perhaps bisected."""
        lanes = [lane for lane in sorted(self.plane.lanes) if random.Random(f"{seed}{lane}").random() < 0.7]
        self.world.deliver(lanes, most, lives)

    def redeliver(self, records: int) -> None:
        self.world.rewind(records)

    def kinesis_refuses(self, places: set[int]) -> None:
        """Some of the next records, once each."""
        refused = set(places)
        self.plane.refuse = lambda: bool(refused) and refused.pop() % 2 == 0

    def time_passes(self, minutes: int, recompute: bool) -> None:
        if self.clock.ms < START + 20 * HOUR:
            self.clock.ms += minutes * MINUTE
        if recompute:
            self.world.recompute()

    # The end: everything arrives, and is held against the obvious.

    def check(self) -> None:
        self.world.send(*self.waiting)
        self.world.settle()
        self._hold_against_oracle()
        self.clock.ms += 6 * HOUR
        self.world.recompute()
        self.world.settle()
        self._hold_against_oracle()
        for profile in {*(self.world.root(person) for person in PEOPLE), *ACCOUNTS}:
            assert self.world.computed(profile, World.stored) == self.world.computed(profile), "ticks kept it true"
        self._hold_images()
        images = len(self.plane.images)
        self.world.rewind(1000)
        self.world.settle()
        assert len(self.plane.images) == images, "a redelivery of everything changes no profile"

    def _hold_against_oracle(self) -> None:
        good = [(person, event, account) for person, event, account in self.sent if isinstance(event.traits, dict)]
        for root in {self.world.root(person) for person in PEOPLE}:
            mine = [event for person, event, _ in good if self.world.root(person) == root]
            profile = self.world.now(root)
            if not mine:
                self._hold_nothing(profile)
                continue
            assert profile is not None
            computed = self.world.computed(root)
            for key, value in expected(mine, self.clock.ms).items():
                assert computed.get(key, False) == value, key
            assert profile.values() == newest([event for event in mine if event.type == "identify"])
            assert profile.first is not None
            assert profile.created == min(event.received for event in mine)
            assert profile.updated == max(event.received for event in mine)
            assert profile.events == len(mine)
            assert set(profile.identifiers["anonymous_id"]) == {
                f"of {p}" for p, _, _ in good if self.world.root(p) == root
            }
            assert set(profile.accounts) == {a for p, _, a in good if a and self.world.root(p) == root}
            assert {event.fingerprint for event in self.paged(root)} == {event.fingerprint for event in mine}
        for account in ACCOUNTS:
            calls = [event for _, event, named in good if named == account]
            profile = self.world.now(account)
            assert (profile.values() if profile else {}) == newest(calls)
            assert (profile is not None) == bool(calls)
            assert profile is None or profile.identifiers == {"group_id": (calls[0].body["groupId"],)}
            members = {self.world.root(person) for person, _, named in good if named == account}
            theirs = [event for person, event, _ in good if self.world.root(person) in members]
            computed = self.world.computed(account)
            for key, value in expected_of_account(theirs, self.clock.ms).items():
                assert computed.get(key, False) == value, key
        for person in PEOPLE:
            found = self.world.stored(person)
            if person in self.world.roots and found:
                assert (found.merged_into, found.traits()) == (self.world.roots[person], {})
        self._hold_archive(good)
        poison = {event.fingerprint for _, event, _ in self.sent if not isinstance(event.traits, dict)}
        letters = {kept.data["event"]["body"]["messageId"] for kept in self._letters()}
        assert letters == {event.message_id for _, event, _ in self.sent if event.fingerprint in poison}

    def _hold_nothing(self, profile: Profile | None) -> None:
        assert profile is None or not profile.traits()

    def paged(self, root: str) -> list[Event]:
        lineage = [person for person in PEOPLE if self.world.root(person) == root]
        return pages.read(self.world.space, lineage, 0, self.clock.ms + HOUR)

    def _letters(self) -> list[dead_letters.Kept]:
        import orjson

        return [
            dead_letters.Kept(key, orjson.loads(body), "etag")
            for (bucket, key), body in self.plane.objects.items()
            if bucket == "dead"
        ]

    def _hold_archive(self, good: list[tuple[str, Event, str | None]]) -> None:
        events = [
            body for (bucket, key), body in self.plane.objects.items() if (bucket, key[:7]) == ("archive", "events/")
        ]
        rows = [row for body in events for row in _rows(body)]
        archived = {(self.owner(row), row["fingerprint"]) for row in rows}
        assert archived == {(self.world.root(person), event.fingerprint) for person, event, _ in good}

    def owner(self, row: dict[str, Any]) -> str:
        return self.world.root(row["profile"])

    def _hold_images(self) -> None:
        """What the tools are told: versions only grow, and who bought once is never said to have left."""
        for old, new in self.plane.images:
            after = profiles.of_image(new)
            before = profiles.of_image(old) if old else None
            if before:
                assert after.v == before.v + 1
                assert after.sequence >= before.sequence
            if before and "buyers" in before.computed and not after.merged_into:
                assert after.computed["buyers"].value is True


def _rows(body: bytes) -> list[dict[str, Any]]:
    import io

    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
    return rows


def newest(events: list[Event]) -> dict[str, Any]:
    traits: dict[str, Any] = {}
    for event in sorted(events, key=lambda event: (event.at, event.received, event.fingerprint)):
        traits |= event.traits
    return {key: value for key, value in traits.items() if value is not None}


def expected(events: list[Event], now: int) -> dict[str, Any]:
    """docs/contract.md: no value before the first matching event, from then on also 0; members by identifier."""
    orders = [event for event in events if event.name == "Order"]
    if not orders:
        return {}
    hour = now // HOUR * HOUR
    within = [[e for e in orders if hour - hours * HOUR <= e.at <= now] for hours in (3, 2)]
    return {
        "orders": len([event for event in orders if event.at <= now]),
        "spent": sum(event.properties["price"] for event in orders if event.at <= now),
        "recent": len(within[0]),
        "buyers": any(event.at <= now for event in orders),
        "spree": len(within[1]) >= 2,
    }


def expected_of_account(events: list[Event], now: int) -> dict[str, Any]:
    """Over the events of all members, also those from before they joined."""
    orders = [event for event in events if event.name == "Order"]
    if not orders:
        return {}
    hour = now // HOUR * HOUR
    within = [[e for e in orders if hour - hours * HOUR <= e.at <= now] for hours in (4, 2)]
    return {
        "all_orders": len([event for event in orders if event.at <= now]),
        "all_spent": sum(event.properties["price"] for event in orders if event.at <= now),
        "all_recent": len(within[0]),
        "busy": len(within[1]) >= 3,
    }
