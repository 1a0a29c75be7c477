"""Bytes for what travels and for what lies in items: JSON, compressed with zstd and a dictionary that ships with us.

What is packed is small, so that most of it is in the dictionary already: its own formats and the usual words of events
(tools/wire_dictionary.py makes it). Items live for ever, so every dictionary that was ever used stays, and each frame
says the number of its own. A control document is deflated instead, which any language can read with what it has.

>>> unpack(pack({"a": [1, None, "ü"]})), unpack(deflate({"a": 1}))
({'a': [1, None, 'ü']}, {'a': 1})
>>> unpack(b"{}")
Traceback (most recent call last):
personas.wire.UnknownFormat: data that begin with 7b7d are of no known format
"""

import threading
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import zstandard

from personas.core.errors import PersonasError

DICTIONARY = 1
"""The number of the one that is written with."""
_ZSTD, _DEFLATED = b"\x28\xb5\x2f\xfd", b"\x78"


class UnknownFormat(PersonasError):
    """The data were written by a newer version of Personas, or are none of its data."""


def pack(data: Any, level: int = 1) -> bytes:
    """Level 1 is for what travels once or is written again and again, 6 for what is written once and stays."""
    return packed(orjson.dumps(data), level)


def packed(plain: bytes, level: int = 1) -> bytes:
    """Of what is JSON already."""
    try:
        compressor: zstandard.ZstdCompressor = _contexts.compressors[level]
    except (AttributeError, KeyError):
        compressor = _compressor(level)
    return compressor.compress(plain)


def deflate(data: Any) -> bytes:
    return zlib.compress(orjson.dumps(data), 6)


def unpack(packed: bytes) -> Any:
    """Of all that these functions ever packed. Raises UnknownFormat."""
    return orjson.loads(unpacked(packed))


def unpacked(packed: bytes) -> bytes:
    if packed[:4] == _ZSTD:
        # The header of the usual frame is read here: no flag but that of a single segment, and a number of one byte.
        number = packed[5] if packed[4] & 0b100011 == 0b100001 else zstandard.get_frame_parameters(packed).dict_id
        try:
            decompressor: zstandard.ZstdDecompressor = _contexts.decompressors[number]
        except (AttributeError, KeyError):
            decompressor = _decompressor(number)
        return decompressor.decompress(packed)
    if packed[:1] == _DEFLATED:
        return zlib.decompress(packed)
    raise UnknownFormat(f"data that begin with {packed[:4].hex()} are of no known format")


_contexts = threading.local()
"""Making one costs more than using it, and two threads must not use the same."""


def _compressor(level: int) -> zstandard.ZstdCompressor:
    made = zstandard.ZstdCompressor(level=level, dict_data=_dictionary(DICTIONARY))
    _contexts.__dict__.setdefault("compressors", {})[level] = made
    return made


def _decompressor(number: int) -> zstandard.ZstdDecompressor:
    made = zstandard.ZstdDecompressor(dict_data=_dictionary(number))
    _contexts.__dict__.setdefault("decompressors", {})[number] = made
    return made


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    file = Path(__file__).parent / "dictionaries" / f"{number}.zstd-dictionary"
    try:
        return zstandard.ZstdCompressionDict(file.read_bytes())
    except FileNotFoundError:
        raise UnknownFormat(f"data are packed with dictionary {number}, which this version does not have") from None
