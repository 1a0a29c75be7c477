"""Compaction changes no scan's answer: whenever it is taken, whoever dies, whatever comes late or twice."""

import io
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from functions.archive import compact, plan
from personas.core import compaction as names
from personas.core.event import Event
from personas.core.identifier import Identifier
from personas.core.lanes import lane_of
from personas.core.moments import DAY, iso
from personas.core.profile.delivery import Accepted
from personas.core.workspace import Space
from personas.stores import archive, archive_scan, compaction, parquet_object, spaces, work_files
from personas.stores.archive_logs import EVENTS
from personas.stores.parquet_object import ArchiveObject, read_table
from tests.unit.profile.plane import Clock, Died, Plane, installed
from tests.unit.profile.world import START

TODAY = iso(START)[:10]
Entry = tuple[Any, ...]


def row(number: int, profile: str = "use_a", day: int = 1, taken_back: bool = False) -> Accepted:
    """`day`: how many days ago it was received. All that the row is follows from the arguments, as it does in lanes."""
    received = START - day * DAY + number
    event = Event(
        "sp", "src", received - number % 7, received, {"type": "track", "event": "E", "messageId": str(number)}
    )
    place = (lane_of(profile), 10_000 + 2 * number + taken_back, number % 3)
    known = (Identifier("user_id", f"u{number}"),)
    return Accepted(place, profile, event, event.fingerprint, None, known, number % 4, taken_back)


def fat(number: int) -> Accepted:
    one = row(number, f"use_{number % 9}")
    body = {**one.event.body, "properties": {"noise": Random(number).randbytes(200).hex()}}
    return one._replace(event=one.event._replace(body=body))


def entry(one: Accepted) -> Entry:
    return one.profile, one.fingerprint, one.number if one.taken_back else None


def ledger(objects: Any, shards: int = 1) -> list[Accepted]:
    width = 256 // shards
    ranges = [range(first, first + width) for first in range(0, 256, width)]
    return [one for lanes in ranges for one in archive_scan.entries(archive_scan.lane_tables(objects, lanes))]


def run() -> list[dict[str, Any]]:
    """A whole run of the workflow: what its Map went through."""
    planned = plan.handle({}, None)
    shards = work_files.load(planned["key"])
    for shard in shards:
        compact.handle(dict(shard), None)
    return list(shards)


@pytest.fixture
def plane() -> Iterator[Plane]:
    plane = Plane()
    with installed(plane, Clock(START)):
        spaces.create(Space("sp", "sp", "sp", 0))
        yield plane


def keys(day: int = 1) -> list[str]:
    found = archive_scan.manifest("sp")
    return [one.name for one in found if one.day == iso(START - day * DAY)[:10]]


def test_the_objects_of_a_day_become_one_sorted_by_profile_and_time(plane: Plane) -> None:
    rows = [row(number, f"use_{number % 5}") for number in range(40)]
    for start in range(0, 40, 4):
        archive.write(rows[start : start + 4])
    assert len(keys()) == 10
    run()
    [name] = keys()
    assert names.is_compacted(name)
    [one] = archive_scan.manifest("sp")
    found = list(archive_scan.of_table(read_table(one, None)))
    assert sorted(found, key=lambda one: one.event.received) == rows
    order = [(one.number[0], one.profile, one.event.at) for one in found]
    assert order == sorted(order)
    assert (
        parquet.read_metadata(io.BytesIO(plane.objects["archive", one.key])).row_group(0).column(0).compression
        == "ZSTD"
    )


def test_rows_that_retries_repeated_are_dropped_and_each_taking_back_stays(plane: Plane) -> None:
    first, second = row(1), row(2)
    again = first._replace(number=(first.number[0], 77_777, 0))
    back, another = row(1, taken_back=True), row(1, taken_back=True)._replace(number=(first.number[0], 88_888, 0))
    other = row(1, "use_b")
    archive.write([first, second])
    archive.write([first])
    archive.write([again, back])
    archive.write([another, back, other])
    before = {entry(one) for one in ledger(archive_scan.manifest("sp"))}
    run()
    [one] = archive_scan.manifest("sp")
    kept = ledger([one])
    assert len(read_table(one, None)) == len(kept) == 5
    assert {entry(found) for found in kept} == before
    assert {found.number for found in kept if not found.taken_back and found.profile == "use_a"} == {
        first.number,
        second.number,
    }


def test_today_is_left_alone_and_what_is_compacted_stays_as_it_is(plane: Plane) -> None:
    archive.write([row(1), row(2, day=0)])
    archive.write([row(3), row(4, day=0)])
    run()
    assert (len(keys(1)), len(keys(0))) == (1, 2)
    assert run() == []


def test_a_late_event_waits_until_it_is_worth_writing_the_day_anew(plane: Plane) -> None:
    archive.write([fat(number) for number in range(400)])
    archive.write([row(999)])
    run()
    before = keys()
    archive.write([row(1_000)])
    assert run() == []
    assert len(keys()) == 2
    for number in range(1_001, 1_008):
        archive.write([row(number)])
    run()
    [name] = keys()
    assert name > before[0]
    assert len(ledger(archive_scan.manifest("sp"))) == 409


def test_shards_of_a_large_object_fetch_little_more_than_their_rows(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = [f"use_{number}" for number in range(600)]
    rows = [fat(number)._replace(profile=one, number=(lane_of(one), number, 0)) for number, one in enumerate(everyone)]
    archive.write(rows[:300])
    archive.write(rows[300:])
    monkeypatch.setattr(compaction, "ROWS", 20)
    run()
    [one] = archive_scan.manifest("sp")
    monkeypatch.setattr(parquet_object, "SMALL", 0)
    monkeypatch.setattr(parquet_object, "_FOOTER", 1_000)
    plane.fetched.clear()
    found = ledger([one], shards=16)
    fetched = sum(len(body) for _, body in plane.fetched)
    said = (
        16 * len(parquet_object.content(one, slice(-1_000, None))) + 16 * parquet_object.metadata(one).serialized_size
    )
    assert {entry(each) for each in found} == {entry(each) for each in rows}
    assert len(found) == 600
    assert fetched - said < 1.5 * one.size
    mine = archive_scan.profiles([one], range(16))
    assert mine == {each for each in everyone if lane_of(each) < 16}
    assert archive_scan.named([one], {"use_7", "use_x"}) == {"use_7"}
    [table] = archive_scan.ledger_tables([one], {"use_7"}, {"E"})
    assert [each.profile for each in archive_scan.entries([table])] == ["use_7"]


def test_shards_find_their_rows_where_whole_objects_are_answered_for_parts(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        row(number, f"use_{number}")._replace(number=(lane_of(f"use_{number}"), number, 0)) for number in range(600)
    ]
    archive.write(rows[:300])
    archive.write(rows[300:])
    monkeypatch.setattr(compaction, "ROWS", 20)
    run()
    monkeypatch.setattr(parquet_object, "SMALL", 0)
    monkeypatch.setattr(parquet_object, "_FOOTER", 1_000)
    plane.knows_ranges = False
    assert {entry(one) for one in ledger(archive_scan.manifest("sp"), shards=16)} == {entry(one) for one in rows}


def test_a_manifest_of_before_reads_what_was_replaced(plane: Plane) -> None:
    archive.write([row(1)])
    archive.write([row(2)])
    before = archive_scan.manifest("sp")
    run()
    assert {entry(one) for one in ledger(before)} == {entry(row(1)), entry(row(2))}


def test_nothing_is_written_for_a_space_that_was_deleted_meanwhile(plane: Plane) -> None:
    archive.write([row(1)])
    archive.write([row(2)])
    [(job, objects)] = compaction.due("sp", EVENTS, TODAY)
    listed = work_files.keep("listed", [one.to_data() for one in objects])
    plane.tables["control_table"].clear()
    compact.handle({**job.to_data(), "shard": 0, "objects": listed}, None)
    assert not any(names.is_compacted(name) for name in keys())


def test_readers_of_few_lanes_do_not_fetch_the_others_shards(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "SHARD_BYTES", 3_000)
    everyone = [f"use_{number}" for number in range(60)]
    for number, profile in enumerate(everyone):
        archive.write([row(number, profile)])
    run()
    manifest = archive_scan.manifest("sp")
    assert len(manifest) > 3
    fetched: list[str] = []
    fetch = plane.get_object
    monkeypatch.setattr(plane, "get_object", lambda **asked: (fetched.append(asked["Key"]), fetch(**asked))[1])
    assert [one.profile for one in archive_scan.events(manifest, ["use_7"])] == ["use_7"]
    assert len(fetched) == 1
    assert {one.profile for one in ledger(manifest, 4)} == set(everyone)
    assert archive_scan.profiles(manifest, range(256)) == set(everyone)


PEOPLE = ("use_a", "use_b", "use_c", "use_d")
batch = st.lists(
    st.builds(
        row, st.integers(0, 60), st.sampled_from(PEOPLE), st.integers(1, 2), st.sampled_from([False, False, True])
    ),
    min_size=1,
    max_size=6,
)
writes = st.lists(st.tuples(st.just("write"), batch), min_size=2, max_size=5)
step = st.one_of(
    st.tuples(st.just("write"), batch),
    st.tuples(st.just("repeat"), st.integers(0, 20)),
    st.tuples(st.just("begin"), st.integers(0, 20)),
    st.tuples(st.just("compact"), st.integers(0, 20)),
    st.tuples(st.just("die"), st.integers(0, 40)),
    st.tuples(st.just("scan"), st.just(0)),
    st.tuples(st.just("list_while"), st.integers(0, 20)),
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(writes, st.lists(step, min_size=4, max_size=30), st.sampled_from([4_000, 16_000, 10**9]))
def test_every_scan_finds_every_row_once_whatever_happens(
    first: list[tuple[str, Any]], then: list[tuple[str, Any]], shard_bytes: int
) -> None:
    with installed(plane := Plane(), Clock(START)), pytest.MonkeyPatch.context() as patched:
        patched.setattr(names, "SHARD_BYTES", shard_bytes)
        life = Life(plane)
        for name, argument in first + then:
            getattr(life, name)(argument)
        life.check()


class Life:
    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.written: list[list[Accepted]] = []
        self.jobs: list[tuple[names.Compaction, int, list[ArchiveObject]]] = []
        """Shards that were planned: they may run at any time, also twice, and long after others did them too."""
        self.scans: list[tuple[set[Entry], Any, set[Entry]]] = []

    @property
    def rows(self) -> set[Entry]:
        return {entry(one) for rows in self.written for one in rows}

    def write(self, rows: list[Accepted]) -> None:
        rows = list({(entry(one), one.number): one for one in rows}.values())
        self.written.append(rows)
        archive.write(list(rows))

    def repeat(self, place: int) -> None:
        """A batch comes again, whole or with some of its profiles done."""
        if self.written:
            rows = self.written[place % len(self.written)]
            archive.write(list(rows[place % 2 :]))

    def plan(self, _: int) -> None:
        for job, objects in compaction.due("sp", EVENTS, TODAY):
            self.jobs += [(job, shard, objects) for shard in range(job.shards)]

    def begin(self, place: int) -> None:
        """A run that goes through some of the shards, and then is lost or goes on later."""
        known = len(self.jobs)
        self.plan(0)
        for job in self.jobs[known : known + place]:
            compaction.compact(*job)

    def compact(self, place: int) -> None:
        if self.jobs:
            compaction.compact(*self.jobs[-1 - place % len(self.jobs)])

    def die(self, lives: int) -> None:
        self.plane.lives = lives % 7
        try:
            self.compact(lives)
        except Died:
            pass
        finally:
            self.plane.lives = None

    def scan(self, _: int) -> None:
        before = self.rows
        self.scans.append((before, archive_scan.manifest("sp"), self.rows))

    def list_while(self, place: int) -> None:
        """While a scan lists the archive, key by key, shards are compacted and objects replaced."""
        self.plan(0)
        before, turns = self.rows, iter(range(place, -1, -1))

        def happen() -> None:
            self.plane.between_pages = lambda: None
            turn = next(turns, None)
            if turn is not None:
                self.compact(turn)
                self.plane.between_pages = happen

        self.plane.between_pages = happen
        manifest = archive_scan.manifest("sp")
        self.plane.between_pages = lambda: None
        self.scans.append((before, manifest, self.rows))

    def check(self) -> None:
        self.scan(0)
        for known, manifest, _ in self.scans:
            self._holds(known, manifest)
        self.jobs = []
        while True:
            self.plan(0)
            if not self.jobs:
                break
            for job in self.jobs:
                compaction.compact(*job)
            self.jobs = []
        manifest = archive_scan.manifest("sp")
        self._holds(self.rows, manifest)
        for day in {one.day for one in manifest}:
            assert sum(not names.is_compacted(one.name) for one in manifest if one.day == day) < names.LATE_OBJECTS

    def _holds(self, known: set[Entry], manifest: Any) -> None:
        for shards in (1, 8):
            found = [entry(one) for one in ledger(manifest, shards)]
            assert len(found) == len(set(found))
            assert set(found) == known
        events = [one.fingerprint for one in archive_scan.events(manifest)]
        assert sorted(events) == sorted({fingerprint for _, fingerprint, undone in known if undone is None})
