"""How fast the whole pipeline is on this machine: events a second from HTTP to committed profile, and freshness.

Everything runs as in `make run`: the sample's traits, audiences and destination, the Tracking API over HTTP, batches of
100 through Segment's own SDK, real handlers, the API plane behind boto3. The rate includes every delivery. Freshness is
the time from the 200 of an identify call until the Profile API shows its trait.
"""

import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import requests

from personas.local.demo import define
from personas.local.launch import LaunchedEngine
from personas.local.sample.player import Player
from personas.local.sample.shop import calls, rows, shift

EVENTS_A_SECOND = 1_000
FRESHNESS_SECONDS = 2.0
PROBES = 30


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, LaunchedEngine(Path(folder)) as engine:
        freshness = measure_freshness(engine)
        rate = measure_rate(engine, Path(folder))
    print(f"events a second, HTTP to committed profile: {rate:,.0f}   (goal: {EVENTS_A_SECOND:,} on 2 cores)")
    print(
        f"freshness, HTTP 200 to visible in the Profile API: median {statistics.median(freshness):.2f} s, "
        f"95th percentile {sorted(freshness)[int(len(freshness) * 0.95)]:.2f} s   (goal: median {FRESHNESS_SECONDS} s)"
    )
    return 0 if rate >= EVENTS_A_SECOND and statistics.median(freshness) <= FRESHNESS_SECONDS else 1


def measure_rate(engine: LaunchedEngine, folder: Path) -> float:
    define(engine.base_url, engine.facts["control_token"], engine.facts["space_id"])
    log = rows()
    sample = list(calls(log))
    player = Player(engine.base_url, engine.facts["write_key"], shift(log, datetime.now(UTC)), folder / "position.json")
    started = time.monotonic()
    player.play(sample, lambda _: None)
    engine.settle(300)
    return len(sample) / (time.monotonic() - started)


def measure_freshness(engine: LaunchedEngine) -> list[float]:
    facts, session = engine.facts, requests.Session()
    profiles = f"{engine.base_url}/v1/spaces/{facts['space_id']}/collections/users/profiles"
    waits = []
    for number in range(PROBES):
        user = f"fresh-{number}"
        body = {"userId": user, "traits": {"probe": number}}
        session.post(f"{engine.base_url}/v1/identify", json=body, auth=(facts["write_key"], "")).raise_for_status()
        accepted = time.monotonic()
        while True:
            answer = session.get(f"{profiles}/user_id:{user}/traits", auth=(facts["profile_token"], ""))
            if answer.ok and answer.json()["traits"].get("probe") == number:
                break
            time.sleep(0.02)
        waits.append(time.monotonic() - accepted)
    return waits


if __name__ == "__main__":
    sys.exit(main())
