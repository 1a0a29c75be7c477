"""Several workers on the same events, in any interleaving, killed at any write and given their batches again: the graph
that comes out is one that some order of the events would have made, and no event is lost.

Workers are threads with handlers of their own, so that what one of them knows the others do not. The store is a process
of its own.
"""

import importlib.util
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from thorough import HISTORIES

from functions.identity import handler as identity
from personas import aws
from personas.core.event import Event
from personas.core.identity.root import Root
from personas.core.identity.rules import Rules
from personas.stores import dead_letters, graph
from personas.stores.graph_items import root_of
from tests.unit.identity import identity_world as world

KINDS = {"user_id": "userId", "anonymous_id": "anonymousId", "email": "email", "card": "card"}
WORKERS = 4

few = settings(
    max_examples=max(25, HISTORIES // 20),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

calls = st.lists(
    st.fixed_dictionaries({}, optional={field: st.sampled_from("abcd") for field in KINDS.values()}).filter(bool),
    min_size=1,
    max_size=14,
)
unlimited = Rules.of_data({"identifiers": [{"type": kind, "limit": 1_000} for kind in KINDS]})
narrow = Rules.of_data(
    {
        "identifiers": [
            {"type": "user_id", "limit": 1},
            *({"type": kind, "limit": 2} for kind in KINDS if kind != "user_id"),
        ]
    }
)


class Died(BaseException):
    """The worker is gone, right before or right after a write."""


@dataclass
class Deaths:
    """Kills whoever calls, now and then, as long as it is armed."""

    chance: float = 0
    draw: random.Random = field(default_factory=random.Random)
    lock: Lock = field(default_factory=Lock)

    def maybe(self, **_: Any) -> None:
        with self.lock:
            dies = self.draw.random() < self.chance
        if dies:
            raise Died

    def watch(self) -> None:
        for service, operation in (("dynamodb", "TransactWriteItems"), ("kinesis", "PutRecords")):
            for moment in ("before-call", "after-call"):
                aws.client(service).meta.events.register(f"{moment}.{service}.{operation}", self.maybe)


@pytest.fixture(scope="module")
def workers() -> list[ModuleType]:
    return [_handler(number) for number in range(WORKERS)]


@pytest.fixture
def deaths(cloud: str) -> Deaths:
    made = Deaths()
    made.watch()
    return made


def _handler(number: int) -> ModuleType:
    """The identity function as a process of its own would have it: with nothing known but by itself."""
    spec = importlib.util.spec_from_file_location(f"identity_worker_{number}", identity.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def events_of(space: str, bodies: Sequence[dict[str, str]]) -> list[Event]:
    return [world.event(_body(body), space=space, received=world.NOW + place) for place, body in enumerate(bodies)]


def _body(body: dict[str, str]) -> dict[str, Any]:
    given = {key: body[key] for key in ("userId", "anonymousId") if key in body}
    external = [{"type": key, "id": body[key]} for key in ("card", "email") if key in body]
    return {**given, "context": {"externalIds": external}}


def work(worker: ModuleType, deaths: Deaths, records: Sequence[Sequence[Event]]) -> None:
    """Until Lambda would stop giving the batch again: what failed comes again, and a dead worker is replaced."""
    waiting = world.batch(*records)["Records"]
    for _ in range(200):
        try:
            failures = worker.handle({"Records": waiting}, world.Context())["batchItemFailures"]
        except Died:
            worker.known = type(worker.known)()
            continue
        if not failures:
            return
        sequences = [record["kinesis"]["sequenceNumber"] for record in waiting]
        waiting = waiting[sequences.index(failures[0]["itemIdentifier"]) :]
    raise AssertionError("the batch never went through")


def run(workers: Sequence[ModuleType], deaths: Deaths, events: Sequence[Event], draw: random.Random) -> None:
    """Every event goes to one worker or, as after a redelivery, to several, each worker in an order of its own."""
    shares: list[list[Event]] = [[] for _ in workers]
    for event in events:
        for place in {draw.randrange(len(workers)) for _ in range(draw.randint(1, 2))}:
            shares[place].append(event)
    for share in shares:
        draw.shuffle(share)
    with ThreadPoolExecutor(len(workers)) as pool:
        jobs = [
            pool.submit(work, worker, deaths, [share[at : at + 3] for at in range(0, len(share), 3)])
            for worker, share in zip(workers, shares, strict=True)
            if share
        ]
        for job in jobs:
            job.result()


@dataclass
class Snapshot:
    """What the identity table holds of a space."""

    roots: dict[str, Root] = field(default_factory=dict)
    mappings: dict[str, str] = field(default_factory=dict)
    facts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    merges: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, space: str) -> "Snapshot":
        made = cls()
        for item in world.items("IDENTITY_TABLE"):
            pk, sk = item["pk"]["S"], item["sk"]["S"]
            if not pk.startswith(f"{space}#"):
                continue
            if sk == "root":
                root = root_of(item)
                made.roots[root.id] = root
            elif sk == "mapping":
                made.mappings[pk.removeprefix(f"{space}#id#")] = item["profile"]["S"]
            elif sk.startswith("id#"):
                made.facts[pk.rpartition("#")[2]].append(sk.removeprefix("id#"))
            elif sk.startswith("merge#"):
                made.merges.append((item["loser"]["S"], item["survivor"]["S"]))
        return made

    def current(self, profile: str) -> str:
        while into := self.roots[profile].merged_into:
            profile = into
        return profile

    def partition(self) -> set[frozenset[str]]:
        sets: dict[str, set[str]] = defaultdict(set)
        for identifier, profile in self.mappings.items():
            sets[self.current(profile)].add(identifier)
        return {frozenset(members) for members in sets.values()}

    def check(self) -> None:
        """What must hold of every graph, however it came about."""
        assert {one: profile for profile, ones in self.facts.items() for one in ones} == self.mappings
        assert sum(map(len, self.facts.values())) == len(self.mappings)
        assert Counter(loser for loser, _ in self.merges) == Counter(
            root.id for root in self.roots.values() if root.merged_into
        )
        for loser, survivor in self.merges:
            assert self.roots[loser].merged_into == survivor
            assert self.roots[survivor].age < self.roots[loser].age
        for root in self.roots.values():
            if root.merged_into:
                continue
            family = [one.id for one in self.roots.values() if self.current(one.id) == root.id]
            assert sorted(family) == sorted([root.id, *root.merged])
            held = Counter(one.split("#")[1] for member in family for one in self.facts[member])
            assert {kind: len(moments) for kind, moments in root.claims.items()} == held


def united(bodies: Sequence[dict[str, str]]) -> set[frozenset[str]]:
    """Who is one person where nothing limits it: whoever shares an identifier, in any order."""
    sets: list[set[str]] = []
    names = {field: kind for kind, field in KINDS.items()}
    for body in bodies:
        mine = {f"users#{names[field]}#{value}" for field, value in body.items()}
        touching = [one for one in sets if one & mine]
        sets = [one for one in sets if not one & mine] + [mine.union(*touching)]
    return {frozenset(one) for one in sets}


def every_event_is_handed_on(space: str, events: Sequence[Event], snapshot: Snapshot) -> None:
    assert list(dead_letters.read(space)) == []
    seen = [one for one in world.resolved() if one.space == space]
    assert {one.event.message_id for one in seen} == {one.message_id for one in events}
    for one in seen:
        for identifier in one.identifiers:
            text = f"users#{identifier.type}#{identifier.value}"
            assert snapshot.current(snapshot.mappings[text]) == snapshot.current(one.profile)


@few
@given(bodies=calls, seed=st.integers(0, 2**32), chance=st.sampled_from([0, 0.05, 0.25]))
def test_where_no_limit_is_reached_every_interleaving_ends_in_the_same_graph(
    workers: list[ModuleType], deaths: Deaths, bodies, seed, chance
) -> None:
    space, events = _fresh(unlimited, bodies, deaths, seed, chance)
    run(workers, deaths, events, random.Random(seed))
    deaths.chance = 0
    snapshot = Snapshot.of(space)
    snapshot.check()
    assert snapshot.partition() == united(bodies)
    every_event_is_handed_on(space, events, snapshot)
    run(workers, deaths, events, random.Random(seed + 1))
    assert Snapshot.of(space) == snapshot


@few
@given(bodies=calls, seed=st.integers(0, 2**32), chance=st.sampled_from([0, 0.1]))
def test_limits_hold_on_every_profile_whatever_the_interleaving(
    workers: list[ModuleType], deaths: Deaths, bodies, seed, chance
) -> None:
    space, events = _fresh(narrow, bodies, deaths, seed, chance)
    run(workers, deaths, events, random.Random(seed))
    deaths.chance = 0
    snapshot = Snapshot.of(space)
    snapshot.check()
    every_event_is_handed_on(space, events, snapshot)
    for root in snapshot.roots.values():
        assert all(len(moments) <= narrow.rule(kind).limit for kind, moments in root.claims.items())


def test_a_chain_of_fifty_links_that_meet_at_once_is_one_profile(workers: list[ModuleType], deaths: Deaths) -> None:
    links = [{"anonymousId": f"n{place}", "card": f"n{place + 1}"} for place in range(50)]
    bodies = [{"card": f"n{place}", "anonymousId": f"n{place}"} for place in range(51)] + links
    space, events = _fresh(unlimited, bodies, deaths, 1, 0.02)
    run(workers, deaths, events, random.Random(3))
    snapshot = Snapshot.of(space)
    snapshot.check()
    assert snapshot.partition() == united(bodies)
    assert len(snapshot.partition()) == 1


def test_a_merge_storm_on_one_profile_is_no_storm_of_retries(
    workers: list[ModuleType], deaths: Deaths, transactions: Counter[str]
) -> None:
    visitors = [{"anonymousId": f"v{number}"} for number in range(60)]
    space, events = _fresh(unlimited, visitors, deaths, 1, 0)
    run(workers, deaths, events, random.Random(1))
    transactions.clear()
    merging = events_of(space, [{"userId": "hub", **body} for body in visitors])
    run(workers, deaths, merging, random.Random(2))
    snapshot = Snapshot.of(space)
    snapshot.check()
    assert len(snapshot.partition()) == 1
    needed = 60
    assert transactions["TransactWriteItems"] < 8 * needed, transactions


def test_a_hub_of_a_thousand_identifiers_takes_small_transactions(
    workers: list[ModuleType], deaths: Deaths, largest: Callable[[], int]
) -> None:
    cards = [[{"type": "card", "id": f"c{number}"} for number in range(at, at + 333)] for at in (0, 333, 666)]
    by = Rules.of_data({"identifiers": [{"type": "user_id", "limit": 1}, {"type": "card", "limit": 5_000}]})
    space, _ = _fresh(by, [], deaths, 1, 0.05)
    events = [
        world.event({"userId": "hub", "context": {"externalIds": some}}, space=space, received=world.NOW + place)
        for place, some in enumerate(cards)
    ]
    run(workers, deaths, events, random.Random(1))
    deaths.chance = 0
    assert len(graph.identifiers(space, graph.find_profile(space, "users", "user_id", "hub") or "")) == 1_000
    assert largest() <= 51


@pytest.fixture
def transactions(deaths: Deaths) -> Counter[str]:
    counted: Counter[str] = Counter()
    aws.client("dynamodb").meta.events.register(
        "before-call.dynamodb.TransactWriteItems", lambda **_: counted.update(["TransactWriteItems"])
    )
    return counted


@pytest.fixture
def largest(deaths: Deaths) -> Callable[[], int]:
    sizes = [0]

    def measure(params: dict[str, Any], **_: Any) -> None:
        sizes.append(len(params["TransactItems"]))

    aws.client("dynamodb").meta.events.register("provide-client-params.dynamodb.TransactWriteItems", measure)
    return lambda: max(sizes)


def _fresh(
    rules: Rules, bodies: Sequence[dict[str, str]], deaths: Deaths, seed: int, chance: float
) -> tuple[str, list[Event]]:
    """A space of its own for each history."""
    space = f"sp{next(world._numbers)}"
    world.make_space(space, rules)
    deaths.draw.seed(seed)
    deaths.chance = chance
    return space, events_of(space, bodies)
