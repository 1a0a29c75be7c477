"""Bytes for what travels and for what lies in items: JSON, compressed.

>>> unpack(pack({"a": [1, None, "ü"]}))
{'a': [1, None, 'ü']}
"""

import zlib
from typing import Any

import orjson


def pack(data: Any, level: int = 1) -> bytes:
    """Level 1 is for what travels once, 6 for what is stored and read again."""
    return zlib.compress(orjson.dumps(data), level)


def unpack(packed: bytes) -> Any:
    return orjson.loads(zlib.decompress(packed))
