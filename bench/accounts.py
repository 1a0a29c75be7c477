"""What an account with 50,000 members and 1,000 events a second costs, and whether the lane that it lies in keeps up.

The real handlers run on a plane in memory that meters every call by AWS's published sizes (bench/recompute.py). Each
second of the stream is resolved as one batch of the identity stage, and the account's lane is woken once in so many
seconds. What its members' own profiles cost is told apart from what the account adds to it.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.recompute import Bill, Metered
from personas.core.envelope import EventEnvelope
from personas.core.lanes import lane_of
from personas.core.moments import HOUR, SECOND
from personas.core.query.definition import Definition
from personas.stores import profiles
from tests.unit.profile.plane import Clock, installed
from tests.unit.profile.world import START, World, definition

MEMBERS, RATE, SECONDS, WINDOW = 50_000, 1_000, 30, 5
PAST = 20_000
ACCOUNT = "acc_big"
EVENTS = ("Page Viewed", "Order Completed", "Feature Used", "Signed In")


def of_account(key: str, query: str, kind: str = "computed_trait") -> Definition:
    return definition(key, query, kind, collection="accounts")


OF_ACCOUNTS = (
    of_account("events_30d", "event('Feature Used').within(30 days).count()"),
    of_account("sign_ins_7d", "event('Signed In').within(7 days).count()"),
    of_account("revenue", "event('Order Completed').sum(property('revenue'))"),
    of_account("revenue_90d", "event('Order Completed').within(90 days).sum(property('revenue'))"),
    of_account("average_order", "event('Order Completed').avg(property('revenue'))"),
    of_account("features", "event('Feature Used').within(30 days).unique(property('feature'))"),
    of_account("favourite", "event('Feature Used').mode(property('feature'))"),
    of_account("sessions", "event('Signed In').within(30 days).unique(property('session')).count()"),
    of_account("last_order", "event('Order Completed').last(property('order'))"),
    of_account("busy", "event('Feature Used').within(1 day).count() >= 1000", "audience"),
    of_account("dormant", "event('Signed In').within(60 days).count() = 0", "audience"),
    of_account("buying", "ANY (event('Order Completed').within(7 days).count() >= 1)", "audience"),
    of_account("all_in", "ALL (event('Signed In').count() >= 1)", "audience"),
)
OF_USERS = (
    definition("orders", "event('Order Completed').count()"),
    definition("active", "event('Feature Used').within(7 days).count() >= 1", "audience"),
)


class Stream:
    """An account, its members, and what they do."""

    def __init__(self, members: int) -> None:
        self.plane, self.clock = Metered(), Clock(START)
        self.members = members
        self.chance = random.Random(5)
        self.sent = 0

    def begin(self) -> None:
        self.world = World(self.plane, self.clock, space="space")
        self.world.create(*OF_ACCOUNTS, *OF_USERS)
        for start in range(0, self.members, 2_000):
            some = range(start, min(start + 2_000, self.members))
            body = {"type": "group", "groupId": "big", "traits": {"plan": "pro"}}
            joins = [(user(number), self.world.event(f"join {number}", body)) for number in some]
            self.world.send(*(self.world.resolved(profile, event, ACCOUNT) for profile, event in joins))
            self.settle()

    def settle(self) -> None:
        """All that waits is worked off, and forgotten."""
        self.world.settle()
        for records in self.plane.lanes.values():
            records.clear()
        self.world.read_up_to.clear()
        self.plane.changed.clear()
        self.plane.images.clear()
        self.world.told_up_to = 0

    def second(self, rate: int) -> None:
        """So many events, at random moments of the second, by anybody."""
        self.world.send(*(self.event(self.clock.ms + self.chance.randrange(SECOND)) for _ in range(rate)))
        self.clock.ms += SECOND

    def past(self, count: int) -> None:
        """So many events at random hours of the last 60 days."""
        for _ in range(0, count, 2_000):
            hours = (self.chance.randrange(60 * 24) for _ in range(2_000))
            self.world.send(*(self.event(self.clock.ms - hour * HOUR) for hour in hours))
            self.settle()

    def event(self, at: int) -> EventEnvelope:
        number = self.chance.randrange(self.members)
        properties = {
            "revenue": self.chance.randrange(500, 20_000) / 100,
            "order": f"order {self.sent}",
            "feature": f"feature {int(self.chance.expovariate(0.1))}",
            "session": f"{self.chance.getrandbits(64):016x}",
        }
        body = {"type": "track", "event": self.chance.choice(EVENTS), "properties": properties}
        self.sent += 1
        return self.world.resolved(user(number), self.world.event(f"m {self.sent}", body, at))


def user(number: int) -> str:
    return f"use_{number}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--rate", type=int, default=RATE)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--window", type=int, default=WINDOW, help="seconds after which the account's lane is woken")
    wanted = parser.parse_args()
    stream = Stream(wanted.members)
    with installed(stream.plane, stream.clock):
        started = time.monotonic()
        stream.begin()
        stream.past(PAST)
        print(f"{wanted.members:,} members joined, {PAST:,} events of 60 days   ({time.monotonic() - started:.0f} s)")
        measured = Measured(stream)
        for second in range(wanted.seconds):
            measured.second(wanted.rate, is_woken=(second + 1) % wanted.window == 0)
        return measured.told(wanted.rate, wanted.seconds, wanted.window)


class Measured:
    """Who spends what: the profiles of the members, the account, and what they tell each other."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.world, self.plane = stream, stream.world, stream.plane
        self.own = lane_of(ACCOUNT)
        self.others = [lane for lane in self.plane.lanes if lane != self.own]
        self.cpu: Counter[str] = Counter()
        self.bills: dict[str, Bill] = {"members": Counter(), "account": Counter(), "links": Counter()}
        self.records = self.bytes = 0
        self.longest = 0.0

    def second(self, rate: int, is_woken: bool) -> None:
        self.plane.bill = Counter()  # what the identity stage sends is not counted here
        self.stream.second(rate)
        self._metered("members", lambda: self.world.deliver(self.others, 10_000))
        self._metered("links", lambda: self.world.tell(100_000))
        if is_woken:
            waiting = self.plane.lanes[self.own][self.world.read_up_to[self.own] :]
            self.records += len(waiting)
            self.bytes += sum(len(data) for _, _, data in waiting)
            took = self._metered("account", lambda: self.world.deliver([self.own], 10_000))
            self.longest = max(self.longest, took)
            self._metered("links", lambda: self.world.tell(100_000))
        for lane in self.others:
            self.plane.lanes[lane].clear()
            self.world.read_up_to[lane] = 0

    def _metered(self, who: str, work: Callable[[], Any]) -> float:
        self.plane.bill = self.bills[who]
        begun = time.process_time()
        work()
        took = time.process_time() - begun
        self.cpu[who] += took
        return took

    def told(self, rate: int, seconds: int, window: int) -> int:
        thousands = rate * seconds / 1_000
        stored = profiles.read(self.world.space, ACCOUNT)
        assert stored
        print(
            f"{rate:,} events a second for {seconds} s; the account's lane is woken every {window} s. Of 1,000 events:"
        )
        for who, bill in self.bills.items():
            print(f"  {who}: {self.cpu[who] / thousands * 1_000:.0f} ms CPU")
            for entry, count in sorted(bill.items()):
                print(f"    {' '.join(entry):<32}{count / thousands:>12,.1f}")
        print(f"  to the account's lane: {self.records / thousands:.1f} records, {self.bytes / thousands:,.0f} bytes")
        busy = self.cpu["account"] / seconds
        parts = stored.state.compute.cold.refs
        print(
            f"the account: a state of {len(stored.packed_state or b''):,} bytes, "
            f"{len(parts)} cold parts of {sum(part.size for part in parts):,} bytes"
        )
        print(
            f"its lane is busy {busy:.1%} of the time, {self.longest:.2f} s of CPU for {window} s of events at most: "
            f"what happened shows {window + self.longest:.1f} s later at the latest   (goal: busy half of the time)"
        )
        scans = sum(bill["DynamoDB", "Query calls"] for bill in self.bills.values())
        answers = stored.state.users.answers()
        print(f"ANY and ALL over {answers.linked:,} members: {scans} queries of members   (goal: none)")
        missed = busy > 0.5 or scans
        print("a goal is missed" if missed else "both goals are met")
        return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
