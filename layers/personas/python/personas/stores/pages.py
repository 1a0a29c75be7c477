"""Event pages: the recent events of a profile, `page#{hour of receipt}#{sequence}#{part}` {data, ttl}, for 14 days.

Invariant: every event that a profile's state has folded lies in one of its pages, perhaps in several (a batch that came
again with other bounds): every reader drops repeats.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import orjson

from personas import dynamo, wire
from personas.core.event import Event
from personas.core.moments import hour_of
from personas.core.profile.delivery import Paged, PagesOf
from personas.profiles_table import Item, bytes_of, key, profile_pk, sequence_text, table

Folded = Sequence[tuple[str, Paged]]
"""The profile that folded it, and what."""

KEPT_HOURS = 15 * 24
"""Fourteen days, and one for the clocks."""

PAGE_BYTES = 300_000
"""Of events before compression: an item stays under 400 KB even where they do not compress."""

EARLY_HOURS = 24
"""How far ahead of its receipt an event's own time may lie to be found by its time; more is the sender's error."""


def pages_of(space: str, profile: str, sequence: int, events: Iterable[Paged]) -> list[Item]:
    """The items for what one batch, up to the sequence number, added to a profile."""
    by_hour: dict[int, list[Paged]] = {}
    for one in events:
        by_hour.setdefault(hour_of(one.event.received), []).append(one)
    items = []
    for hour, received in by_hour.items():
        for part, page in enumerate(_parts(received)):
            sk = f"page#{hour:08d}#{sequence_text(sequence)}#{part}"
            ttl = {"N": str((hour + KEPT_HOURS) * 3600)}
            items.append({**key(profile_pk(space, profile), sk), "data": {"B": page}, "ttl": ttl})
    return items


def write(items: Iterable[Item], deletes: Iterable[Item] = ()) -> None:
    """Idempotent; each key at most once. `deletes` are keys of what belongs to profiles and is not listed any more."""
    dynamo.batch_write(table(), items, deletes)


def read(
    space: str,
    profiles: Iterable[str],
    start_ms: int,
    end_ms: int,
    mine: Callable[[Folded], Folded] = lambda folded: folded,
) -> list[Event]:
    """Events with start <= at < end that the profiles folded in the last 14 days, oldest first, each once.

    `mine`: of what the profiles folded, only these.
    """
    first = f"page#{max(0, hour_of(start_ms) - EARLY_HOURS):08d}"
    folded = [
        (profile, one)
        for profile in profiles
        for one in _paged(space, profile, first, "page#~")
        if start_ms <= one.event.at < end_ms
    ]
    found = {one.event.fingerprint: one.event for _, one in mine(folded)}
    return sorted(found.values(), key=lambda event: (event.at, event.received, event.fingerprint))


def received_in(space: str, pages: Iterable[PagesOf]) -> Iterator[Paged]:
    """By (profile that folded them, hour of receipt), repeats included."""
    for profile, hour in sorted(pages):
        yield from _paged(space, profile, f"page#{hour:08d}#", f"page#{hour:08d}#~")


def _paged(space: str, profile: str, first: str, last: str) -> Iterator[Paged]:
    items = dynamo.query(
        table(),
        KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
        ExpressionAttributeValues={
            ":pk": {"S": profile_pk(space, profile)},
            ":first": {"S": first},
            ":last": {"S": last},
        },
        ConsistentRead=True,
    )
    for item in items:
        yield from map(Paged.of_data, wire.unpack(bytes_of(item["data"])))


def _parts(events: list[Paged]) -> Iterator[bytes]:
    part: list[bytes] = []
    size = 0
    for one in events:
        text = orjson.dumps(one.to_data())
        if part and size + len(text) > PAGE_BYTES:
            yield _packed(part)
            part, size = [], 0
        part.append(text)
        size += len(text)
    yield _packed(part)


def _packed(part: list[bytes]) -> bytes:
    return wire.packed(b"[" + b",".join(part) + b"]", 6)
