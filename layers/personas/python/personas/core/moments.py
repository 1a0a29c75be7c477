"""Moments are integers: milliseconds since 1970 in UTC. Hours are integers too: whole hours since 1970.

>>> iso(parse_iso("2026-01-01T02:30:00.250+02:00"))
'2026-01-01T00:30:00.250Z'
>>> hour_of(parse_iso("1970-01-01T01:59:59Z"))
1
"""

from datetime import UTC, datetime, timedelta

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_iso(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 date or timestamp; without an offset it is read as UTC.

    Raises ValueError where the text is not ISO 8601.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def iso(ms: int) -> str:
    """ISO 8601 in UTC with milliseconds, as Segment writes timestamps."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")[:-6] + "Z"


def hour_of(ms: int) -> int:
    """The hour in which a moment lies."""
    return ms // HOUR
