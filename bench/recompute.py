"""What one hourly recompute costs, and that profiles to which nothing happens cost nothing.

The real plan, tick and profiles handlers run on a plane in memory that meters every call by AWS's published sizes: a
DynamoDB read unit is 4 KB, a write unit 1 KB, a Kinesis payload unit 25 KB. 1,000 profiles leave a window of seven days
in the hour; beside them lie first none, then 100,000 others, half of which will leave theirs another day and half of
which have nothing that time could change. The two runs must be the same, call by call and unit by unit.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from personas.core.moments import DAY, HOUR
from tests.unit.profile.plane import Clock, Plane, installed
from tests.unit.profile.world import START, World, definition

QUIET, ACTIVE = 100_000, 1_000
TOGETHER = 5_000
"""Events that are sent before they are folded."""
WEEK = definition("week", "event('Order').within(7 days).count()")
BUYER = definition("buyer", "event('Order').within(7 days).count() >= 1", "audience")
VISITS = definition("visits", "event('Visit').count()")

Bill = Counter[tuple[str, str]]
"""By service and what it counts."""


class Metered(Plane):
    """Counts calls, and what AWS would charge for them."""

    def __init__(self) -> None:
        super().__init__()
        self.bill: Bill = Counter()

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - AWS's names
        answer = super().batch_get_item(RequestItems)
        [(table, request)] = RequestItems.items()
        found = [_units(item, 4_096) for item in answer["Responses"].get(table, [])]
        missed = len(request["Keys"]) - len(found)
        self._count("DynamoDB", "BatchGetItem", "read units", sum(found) + missed)
        return answer

    def get_item(self, TableName: str, Key: Any, **request: Any) -> Any:  # noqa: N803
        answer = super().get_item(TableName, Key, **request)
        self._count("DynamoDB", "GetItem", "read units", _units(answer.get("Item", {}), 4_096))
        return answer

    def query(self, TableName: str, KeyConditionExpression: str, **request: Any) -> Any:  # noqa: N803
        answer = super().query(TableName, KeyConditionExpression, **request)
        size = sum(map(size_of, answer["Items"]))
        self._count("DynamoDB", "Query", "read units", max(1, -(-size // 4_096)))
        return answer

    def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803
        [requests] = RequestItems.values()
        sizes = [size_of(request["PutRequest"]["Item"]) if "PutRequest" in request else 1 for request in requests]
        self._count("DynamoDB", "BatchWriteItem", "write units", sum(-(-size // 1_024) for size in sizes))
        self.bill["DynamoDB", "written items"] += len(sizes)
        self.bill["DynamoDB", "written bytes"] += sum(sizes)
        return super().batch_write_item(RequestItems)

    def put_records(self, StreamName: str, Records: Any) -> Any:  # noqa: N803
        units = sum(-(-len(record["Data"]) // 25_600) for record in Records)
        self._count("Kinesis", "PutRecords", "payload units", units)
        self.bill["Kinesis", "records"] += len(Records)
        self.bill["Kinesis", "bytes"] += sum(len(record["Data"]) for record in Records)
        return super().put_records(StreamName, Records)

    def put_object(self, Bucket: str, Key: str, Body: bytes, **request: Any) -> None:  # noqa: N803
        self._count("S3", "PutObject", "writes", 1)
        super().put_object(Bucket, Key, Body, **request)

    def get_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803
        self._count("S3", "GetObject", "reads", 1)
        return super().get_object(Bucket, Key)

    def _count(self, service: str, call: str, unit: str, units: int) -> None:
        self.bill[service, f"{call} calls"] += 1
        self.bill[service, unit] += units


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quiet", type=int, default=QUIET)
    parser.add_argument("--active", type=int, default=ACTIVE)
    wanted = parser.parse_args()
    started = time.monotonic()
    alone, idle_alone = hourly(0, wanted.active)
    among, idle_among = hourly(wanted.quiet, wanted.active)
    print(f"one hourly run: {wanted.active:,} profiles leave a window, beside 0 or {wanted.quiet:,} quiet profiles")
    _print("", "beside 0", f"beside {wanted.quiet:,}")
    for entry in sorted(alone | among):
        _print(" ".join(entry), f"{alone[entry]:,}", f"{among[entry]:,}")
    print("the hour after it, in which nothing is due")
    for entry in sorted(idle_alone | idle_among):
        _print(" ".join(entry), f"{idle_alone[entry]:,}", f"{idle_among[entry]:,}")
    writes = among["DynamoDB", "write units"] / wanted.active
    print(f"a profile that changes costs {writes:.2f} write units; one that does not, nothing", end="")
    print(f"   ({time.monotonic() - started:.0f} s)")
    return 0 if (alone, idle_alone) == (among, idle_among) else 1


def hourly(quiet: int, active: int) -> tuple[Bill, Bill]:
    """The bill of the run in whose hour the active profiles are due, and of the run after it."""
    plane, clock = Metered(), Clock(START)
    with installed(plane, clock):
        world = World(plane, clock, space="space")
        world.create(WEEK, BUYER, VISITS)
        _send(world, active, lambda number: f"use_active{number}", "Order")
        clock.ms += DAY
        _send(world, quiet // 2, lambda number: f"use_later{number}", "Order")
        _send(world, quiet - quiet // 2, lambda number: f"use_still{number}", "Visit")
        clock.ms = START + 7 * DAY + HOUR
        bills = []
        for _ in range(2):
            plane.bill = Counter()
            world.recompute()
            world.settle()
            bills.append(plane.bill)
            clock.ms += HOUR
        plane.bill = Counter()
        for number in range(active):
            assert world.computed(f"use_active{number}", World.stored) == {"week": 0, "buyer": False}
        for number in range(0, quiet // 2, 997):
            assert world.computed(f"use_later{number}", World.stored) == {"week": 1, "buyer": True}
    return bills[0], bills[1]


def _send(world: World, count: int, name: Callable[[int], str], event: str) -> None:
    for start in range(0, count, TOGETHER):
        world.send(
            *(
                world.resolved(name(number), world.event(f"m {name(number)}", {"type": "track", "event": event}))
                for number in range(start, min(count, start + TOGETHER))
            )
        )
        world.settle()
        for records in world.plane.lanes.values():
            records.clear()
        world.read_up_to.clear()


def _units(item: Any, unit: int) -> int:
    return max(1, -(-size_of(item) // unit))


def size_of(item: Any) -> int:
    """Names and values, as DynamoDB counts them."""
    return sum(len(name) + sum(map(_length, value.values())) for name, value in item.items())


def _length(value: Any) -> int:
    return 1 if isinstance(value, bool) else len(value)


def _print(*cells: str) -> None:
    print(f"  {cells[0]:<32}{cells[1]:>14}{cells[2]:>18}")


if __name__ == "__main__":
    sys.exit(main())
