"""What is packed is read for ever, by whatever thread, and what is of no known format is refused in so many words."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from personas import wire

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
)
SHIPPED = {1: "1a920ace56940ff3"}
"""Dictionaries by number: whatever was packed with one is lost where it changes."""


@given(JSON, st.sampled_from([1, 3, 6]))
def test_what_is_packed_comes_back(data: object, level: int) -> None:
    assert wire.unpack(wire.pack(data, level)) == data
    assert wire.unpack(wire.deflate(data)) == data


def test_what_is_larger_than_a_window_comes_back() -> None:
    data = ["".join(chr(65 + number * 7919 % 58) for number in range(3_000_000))]
    assert wire.unpack(wire.pack(data)) == data


def test_threads_pack_side_by_side() -> None:
    with ThreadPoolExecutor(8) as pool:
        packed = list(pool.map(wire.pack, [{"n": [number] * 500} for number in range(200)]))
        assert [found["n"][0] for found in pool.map(wire.unpack, packed)] == list(range(200))


@pytest.mark.parametrize("number", SHIPPED)
def test_a_dictionary_that_has_shipped_never_changes(number: int) -> None:
    file = Path(wire.__file__).parent / "dictionaries" / f"{number}.zstd-dictionary"
    content = file.read_bytes()
    assert blake2b(content, digest_size=8).hexdigest() == SHIPPED[number]
    assert zstandard.ZstdCompressionDict(content).dict_id() == number


def test_the_dictionary_of_a_newer_version_is_named() -> None:
    samples = [f'{{"number":{number},"square":{number * number}}}'.encode() for number in range(1_000)]
    newer = zstandard.train_dictionary(1_024, samples, dict_id=77)
    packed = zstandard.ZstdCompressor(dict_data=newer).compress(samples[5])
    with pytest.raises(wire.UnknownFormat, match="dictionary 77"):
        wire.unpack(packed)


@pytest.mark.parametrize("data", [b"", b"{}", b"\x00\x01\x02\x03"], ids=["nothing", "plain", "noise"])
def test_what_was_never_packed_is_refused(data: bytes) -> None:
    with pytest.raises(wire.UnknownFormat, match="no known format"):
        wire.unpack(data)
