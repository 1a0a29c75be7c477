"""Spills: entries of a profile's memory that its state does not carry, `memory#{number}` {data, ttl} of its key.

Invariant: a spill that a state lists is never written again (core/profile/memory.py).
"""

from collections.abc import Iterable

from personas import dynamo, wire
from personas.core.profile.memory import HOURS, Entries, Spill, pack_entries, read_entries
from personas.profiles_table import Item, bytes_of, key, profile_pk, table

SLACK_HOURS = 48


def _key(space: str, spill: Spill) -> Item:
    return key(profile_pk(space, spill.owner), f"memory#{spill.number:08d}")


def spill_item(space: str, spill: Spill, entries: Entries) -> Item:
    ttl = {"N": str((spill.newest + HOURS + SLACK_HOURS) * 3600)}
    return {**_key(space, spill), "data": {"B": wire.pack(pack_entries(entries), 6)}, "ttl": ttl}


def write(items: Iterable[Item]) -> None:
    """Idempotent; each key at most once."""
    dynamo.batch_write(table(), items)


def read(space: str, spills: Iterable[Spill]) -> dict[Spill, Entries]:
    """Every spill asked for; one that has expired is empty."""
    wanted = list(spills)
    found = {
        (item["pk"]["S"], item["sk"]["S"]): read_entries(wire.unpack(bytes_of(item["data"])))
        for item in dynamo.batch_get(table(), [_key(space, spill) for spill in wanted])
    }
    return {spill: found.get((k["pk"]["S"], k["sk"]["S"]), {}) for spill in wanted for k in (_key(space, spill),)}
