"""The durable log of a shard."""

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from personas.local.stream_log import StreamLog


def texts(log: StreamLog, after: int = 0, **lane: int) -> list[str]:
    return [record.data.decode() for record in log.read(after, **lane)]


def test_records_are_read_again_by_a_log_opened_later(tmp_path: Path) -> None:
    log = StreamLog(tmp_path, lambda: 5_000)
    written = log.put([("key", b"one"), ("other", b"two")])
    log.close()
    assert list(StreamLog(tmp_path, lambda: 5_000).read(0)) == written


def test_numbers_grow_although_the_clock_stands_still_or_the_log_was_opened_again(tmp_path: Path) -> None:
    first = StreamLog(tmp_path, lambda: 5_000).put([("k", b"1"), ("k", b"2")])
    second = StreamLog(tmp_path, lambda: 5_000).put([("k", b"3")])
    third = StreamLog(tmp_path, lambda: 4_000).put([("k", b"4")])
    numbers = [record.number for record in (*first, *second, *third)]
    assert numbers == sorted(set(numbers))


def test_a_record_cut_off_in_the_middle_is_dropped_and_the_log_goes_on(tmp_path: Path) -> None:
    StreamLog(tmp_path, lambda: 1).put([("k", b"whole"), ("k", b"torn")])
    (file,) = tmp_path.glob("*.log")
    os.truncate(file, file.stat().st_size - 2)
    log = StreamLog(tmp_path, lambda: 1)
    assert texts(log) == ["whole"]
    log.put([("k", b"next")])
    assert texts(StreamLog(tmp_path, lambda: 1)) == ["whole", "next"]


def test_a_damaged_record_ends_what_is_read(tmp_path: Path) -> None:
    StreamLog(tmp_path, lambda: 1).put([("k", b"whole"), ("k", b"damaged")])
    (file,) = tmp_path.glob("*.log")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert texts(StreamLog(tmp_path, lambda: 1)) == ["whole"]


def test_files_older_than_the_retention_are_deleted_whole_but_never_the_newest(tmp_path: Path) -> None:
    now = 0
    log = StreamLog(tmp_path, lambda: now, segment_bytes=1)
    for now in (1_000, 2_000, 3_000):
        log.put([("k", str(now).encode())])
    log.trim(2_000)
    assert texts(log) == ["2000", "3000"]
    log.trim(9_000)
    assert texts(log) == ["3000"]
    assert texts(StreamLog(tmp_path, lambda: now)) == ["3000"]
    assert log.newest() is not None


def test_who_watches_is_told_of_each_append(tmp_path: Path) -> None:
    log, told = StreamLog(tmp_path, lambda: 1), []
    log.watch(lambda: told.append(log.last))
    (record,) = log.put([("k", b"1")])
    assert told == [record.number]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.text(min_size=1, max_size=3), st.binary(max_size=400)), max_size=8), max_size=8),
    st.integers(1, 4),
    st.integers(0, 40),
)
def test_lanes_part_the_records_and_reading_from_anywhere_gives_the_rest_in_order(
    tmp_path_factory, batches, lanes, place
) -> None:
    directory = tmp_path_factory.mktemp("log")
    log = StreamLog(directory, lambda: 7, segment_bytes=500)
    everything = [record for batch in batches for record in log.put(batch)]
    after = everything[place].number if place < len(everything) else 0
    rest = [record for record in everything if record.number > after]
    assert list(log.read(after)) == rest
    assert log.count(after) == len(rest)
    parts = [list(log.read(after, lane=lane, lanes=lanes)) for lane in range(lanes)]
    assert sorted((record for part in parts for record in part), key=lambda record: record.number) == rest
    assert [log.count(after, lane=lane, lanes=lanes) for lane in range(lanes)] == [len(part) for part in parts]
    keys = [{record.partition_key for record in part} for part in parts]
    assert sum(map(len, keys)) == len(set().union(*keys))
    assert list(StreamLog(directory, lambda: 7).read(0)) == everything
