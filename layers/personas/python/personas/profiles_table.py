"""The profiles table: everything of one profile lies under one partition key, which starts with its space.

One worker at a time writes what belongs to a lane, so that no write needs a condition and all of them go in batches.
"""

from typing import Any

from personas.aws import setting

Item = dict[str, Any]
WIDTH = 56
"""Digits of a Kinesis sequence number; written so, text sorts as the numbers do."""


def table() -> str:
    return setting("PROFILES_TABLE")


def profile_pk(space: str, profile: str) -> str:
    return f"{space}#p#{profile}"


def key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def sequence_text(sequence: int) -> str:
    return f"{sequence:0{WIDTH}d}"


def bytes_of(attribute: Any) -> bytes:
    """A binary attribute, however its bytes are wrapped."""
    return bytes(attribute["B"])


def size_of(item: Item) -> int:
    """Bytes of its data, and enough for the rest."""
    return len(item["data"]["B"]) + 1_000
