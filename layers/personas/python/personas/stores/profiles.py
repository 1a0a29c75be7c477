"""Profiles and their states: the items `profile` {v, seq, data} and `state` {seq, version, data} of a profile's key.

A state that has shed some of what it keeps has the attribute `cold`: its parts are read with it (stores/cold.py).

Invariant: the profile is written before its state. A state is therefore never ahead of what was written for it, and a
crash between the two is repaired by the redelivery.
"""

from base64 import b64decode
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from personas import dynamo, wire
from personas.core.profile.profile import Profile
from personas.core.profile.state import State
from personas.core.profile.stored import Stored
from personas.profiles_table import Item, bytes_of, key, profile_pk, sequence_text, table
from personas.stores import cold

PROFILE, STATE = "profile", "state"
TRIES = 3
READERS = 8
"""Requests at a time, where very many profiles are read."""
LEVEL = 1  # of compression: they are written with every batch


def read(space: str, profile: str) -> Stored | None:
    """Read consistently; None: nothing lies under that id. Follows no merge: see `profile.merged_into`."""
    return read_many([(space, profile)]).get((space, profile))


def read_many(ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Stored]:
    """Profiles with their states by (space, profile id), read consistently; what does not exist is absent."""
    items = _items(ids)
    stored = {found: _stored(*found, *both) for found, both in items.items()}
    for found, (_, state) in items.items():
        if state and "cold" in state:
            stored[found] = _with_cold(stored[found])
    return stored


def _with_cold(stored: Stored) -> Stored:
    """Raises PartMissing where the state was written again and again while it was read."""
    for _ in range(TRIES):
        refs = stored.state.compute.cold.refs
        parts = cold.read(stored.space, refs)
        if len(parts) == len(refs):
            return replace(stored, cold=parts)
        place = profile_pk(stored.space, stored.id)
        found = {item["sk"]["S"]: item for item in dynamo.batch_get(table(), [key(place, PROFILE), key(place, STATE)])}
        stored = _stored(stored.space, stored.id, found.get(PROFILE), found.get(STATE))
    raise cold.PartMissing(f"parts of the state of profile {stored.id} are missing")


def read_lately(ids: Collection[tuple[str, str]]) -> dict[tuple[str, str], Stored]:
    """As `read_many`, but as of a moment ago and without cold parts, at half the price and many at a time: for who
    looks at very many profiles."""
    with ThreadPoolExecutor(READERS) as readers:
        parts = readers.map(_read_lately, dynamo.chunks(list(ids), dynamo.READ_BATCH // 2))
        return {found: stored for part in parts for found, stored in part.items()}


def _read_lately(ids: list[tuple[str, str]]) -> dict[tuple[str, str], Stored]:
    return {found: _stored(*found, *both) for found, both in _items(ids, consistent=False).items()}


def _items(
    ids: Iterable[tuple[str, str]], *, consistent: bool = True
) -> dict[tuple[str, str], tuple[Item | None, Item | None]]:
    """The items of profiles and of their states."""
    names = {profile_pk(space, profile): (space, profile) for space, profile in ids}
    items: dict[str, dict[str, Item]] = {}
    keys = [key(pk, sk) for pk in names for sk in (PROFILE, STATE)]
    for item in dynamo.batch_get(table(), keys, consistent=consistent):
        items.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
    return {names[pk]: (found.get(PROFILE), found.get(STATE)) for pk, found in items.items()}


def read_profiles(ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Stored]:
    """As `read_many`, without the states."""
    names = {profile_pk(space, profile): (space, profile) for space, profile in ids}
    found = dynamo.batch_get(table(), [key(pk, PROFILE) for pk in names])
    return {names[item["pk"]["S"]]: _stored(*names[item["pk"]["S"]], item, None) for item in found}


def of_image(image: Item) -> Profile:
    """The profile of an item `profile` as the table's change stream carries it (binary as base64 text)."""
    space, profile = image["pk"]["S"].split("#p#", 1)
    data = image["data"]["B"]
    packed = b64decode(data) if isinstance(data, str) else bytes(data)
    return Profile.of_data(space, profile, int(image["v"]["N"]), int(image["seq"]["S"]), wire.unpack(packed))


def profile_item(profile: Profile) -> Item:
    return {
        **key(profile_pk(profile.space, profile.id), PROFILE),
        "v": {"N": str(profile.v)},
        "seq": {"S": sequence_text(profile.sequence)},
        "data": {"B": wire.pack(profile.to_data(), LEVEL)},
    }


def state_item(space: str, profile: str, state: State) -> Item:
    return {
        **key(profile_pk(space, profile), STATE),
        "seq": {"S": sequence_text(state.sequence)},
        "version": {"N": str(state.version)},
        "data": {"B": wire.pack(state.to_data(), LEVEL)},
        **({"cold": {"BOOL": True}} if state.compute.cold.refs else {}),
    }


def write(items: Iterable[Item]) -> None:
    """Idempotent; each key at most once."""
    dynamo.batch_write(table(), items)


def _stored(space: str, profile: str, profile_item: Item | None, state_item: Item | None) -> Stored:
    parts: dict[str, Any] = {}
    if profile_item:
        parts |= {
            "v": int(profile_item["v"]["N"]),
            "profile_sequence": int(profile_item["seq"]["S"]),
            "packed_profile": bytes_of(profile_item["data"]),
        }
    if state_item:
        parts |= {
            "state_sequence": int(state_item["seq"]["S"]),
            "version": int(state_item["version"]["N"]),
            "packed_state": bytes_of(state_item["data"]),
        }
    return Stored(space, profile, **parts)
