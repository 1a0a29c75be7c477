"""EventBridge's rate() and cron() expressions: when the next run is due.

>>> expression("rate(5 minutes)").next_after(0), expression("cron(0 * * * ? *)").next_after(1)
(300000, 3600000)
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from personas.core.moments import DAY, HOUR, MINUTE
from personas.local.template import UnusableTemplate

_UNITS = {"minute": MINUTE, "hour": HOUR, "day": DAY}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST_YEAR = 2199


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many ms. AWS counts from the rule's creation; here it is from 1970, so that restarts do not matter."""

    every_ms: int

    def next_after(self, moment_ms: int) -> int:
        return (moment_ms // self.every_ms + 1) * self.every_ms

    @property
    def shortest_ms(self) -> int:
        return self.every_ms


@dataclass(frozen=True, slots=True)
class Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    """Of the month; None for `?`."""
    months: frozenset[int]
    weekdays: frozenset[int] | None
    """1 is Sunday, as in EventBridge; None for `?`."""
    years: frozenset[int]
    zone: tzinfo = UTC

    def next_after(self, moment_ms: int) -> int | None:
        """None when there is no further run."""
        start = datetime.fromtimestamp(moment_ms / 1_000, self.zone).replace(second=0, microsecond=0, tzinfo=None)
        at = start + timedelta(minutes=1)
        while at.year <= _LAST_YEAR:
            if at.year not in self.years:
                at = datetime(at.year + 1, 1, 1)  # noqa: DTZ001 - local to the zone
            elif at.month not in self.months:
                at = (at.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0)
            elif not self._on(at):
                at = at.replace(hour=0, minute=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at += timedelta(minutes=1)
            else:
                return int(at.replace(tzinfo=self.zone).timestamp() * 1_000)
        return None

    @property
    def shortest_ms(self) -> int:
        return MINUTE if len(self.minutes) > 1 else HOUR

    def _on(self, at: datetime) -> bool:
        if self.days is not None and at.day not in self.days:
            return False
        return self.weekdays is None or at.isoweekday() % 7 + 1 in self.weekdays


def expression(text: str, zone: str = "UTC") -> Rate | Cron:
    """Raises UnusableTemplate for what is not rate() or cron(), and for cron's L, W and #."""
    kind = re.fullmatch(r"(rate|cron)\((.*)\)", text.strip())
    if kind is None:
        raise UnusableTemplate(f"the local engine does not know the schedule {text!r}")
    fields = kind.group(2).split()
    if kind.group(1) == "rate":
        count, unit = fields
        return Rate(int(count) * _UNITS[unit.removesuffix("s")])
    if len(fields) != 6:
        raise UnusableTemplate(f"cron() takes six fields: {text!r}")
    minutes, hours, days, months, weekdays, years = fields
    return Cron(
        minutes=_field(minutes, 0, 59),
        hours=_field(hours, 0, 23),
        days=None if days == "?" else _field(days, 1, 31),
        months=_field(months, 1, 12, _MONTHS),
        weekdays=None if weekdays == "?" else _field(weekdays, 1, 7, _WEEKDAYS),
        years=_field(years, 1970, _LAST_YEAR),
        zone=UTC if zone == "UTC" else ZoneInfo(zone),
    )


def _field(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    found: set[int] = set()
    for part in text.upper().split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        try:
            start = low if span == "*" else _number(first, names)
            end = high if span == "*" or (step and not dash) else _number(last, names) if dash else start
            found.update(range(start, end + 1, int(step or 1)))
        except ValueError:
            raise UnusableTemplate(f"the local engine does not know the cron field {text!r}") from None
    return frozenset(found)


def _number(text: str, names: tuple[str, ...]) -> int:
    return names.index(text) + 1 if text in names else int(text)
