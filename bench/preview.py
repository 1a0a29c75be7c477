"""How long a person waits for a preview: from the POST until the GET says COMPLETED, in a space of several full shards.

A preview goes through its shards side by side, in AWS with two vCPUs for each of them, here with two for all. So in AWS
a space takes less than it does here for as many profiles, up to the size from which it is sampled (see
core/preview/sampling.py). Everything runs as in `make run`; the events come in over HTTP, a night passes, and the
archive is compacted.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.shop import AUDIENCES, QUERIES, something
from personas.core.preview.sampling import SHARD_BYTES, planned
from personas.local import operating
from personas.local.launch import LaunchedEngine
from personas.local.sample.control import Control
from personas.stores import archive_scan

SECONDS = 10.0
NIGHT = 27 * 3600
"""Seconds: far enough that the day of receipt is over and compacted."""
PREVIEWS = {
    "audience: spent in 90 days": (
        "audiences",
        "event('Order Completed').within(90 days).sum(property('revenue')) > 200",
    ),
    "audience: viewed, never bought": ("audiences", AUDIENCES["window_shoppers"]),
    "audience: a funnel": (
        "audiences",
        "event('Product Viewed').where(event('Order Completed').within(parent: 3 days).count() >= 1).count() >= 1",
    ),
    "trait: revenue": ("computed-traits", QUERIES["revenue"]),
    "trait: most frequent category": ("computed-traits", QUERIES["top_category"]),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profiles", type=int, default=15_000)
    parser.add_argument("--events", type=int, default=150_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, LaunchedEngine(Path(folder)) as engine:
        send(engine, given.profiles, given.events)
        requests.post(f"{engine.base_url}/_local/clock", json={"advanceSeconds": NIGHT}).raise_for_status()
        engine.settle(900)
        with operating.engine(Path(folder)):
            objects = archive_scan.manifest(engine.facts["space_id"])
        size = sum(one.size for one in objects)
        sampling, shards = planned(size, len(objects))
        print(f"{given.events:,} events, {given.profiles:,} profiles, {size / 1e6:.1f} MB in {len(objects)} objects:")
        print(f"{len(shards)} shards of at most {SHARD_BYTES / 1e6:.0f} MB, {sampling.fraction:.0%} of the profiles")
        slowest = max(list(waits(engine)))
    print(f"the slowest: {slowest:.1f} s   (goal: {SECONDS:.0f})")
    return 0 if slowest <= SECONDS else 1


def send(engine: LaunchedEngine, profiles: int, count: int) -> None:
    session, key = requests.Session(), engine.facts["write_key"]
    now = datetime.now(UTC)
    batch: list[dict[str, Any]] = []
    for body in calls(profiles, count, now):
        batch.append(body)
        if len(batch) == 500:
            session.post(f"{engine.base_url}/v1/batch", json={"batch": batch}, auth=(key, "")).raise_for_status()
            batch = []
    session.post(f"{engine.base_url}/v1/batch", json={"batch": batch}, auth=(key, "")).raise_for_status()
    engine.settle(900)


def calls(profiles: int, count: int, now: datetime) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)
    for _ in range(count):
        at = now - timedelta(seconds=chance.randrange(60 * 24 * 3600))
        user = f"use_{chance.randrange(profiles):08d}"
        yield {**something(chance), "userId": user, "timestamp": at.isoformat()}


def waits(engine: LaunchedEngine) -> Iterator[float]:
    control, space = Control(engine.base_url, engine.facts["control_token"]), engine.facts["space_id"]
    for name, (kind, query) in PREVIEWS.items():
        path = f"/spaces/{space}/{kind}/previews"
        started = time.monotonic()
        [asked] = control.post(path, {"definition": {"query": query, "type": "users"}})["data"].values()
        while True:
            [shown] = control.get(f"{path}/{asked['id']}")["data"].values()
            if shown["status"] != "RUNNING":
                break
            time.sleep(0.1)
        seconds = time.monotonic() - started
        if shown["status"] != "COMPLETED":
            raise SystemExit(f"{name}: {shown}")
        print(f"{name}: {seconds:.1f} s, size {shown['size']['count']:,}")
        yield seconds


if __name__ == "__main__":
    sys.exit(main())
