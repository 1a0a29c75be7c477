"""When a call that failed is tried again: exponentially later, with jitter, not before the tool said, for 72 hours.

>>> retry_at(now=0, first_tried=0, tries=0, retry_after=None, chance=1.0)
60000
>>> retry_at(now=0, first_tried=0, tries=3, retry_after=None, chance=0.0)
240000
>>> retry_at(now=0, first_tried=0, tries=0, retry_after=600_000, chance=0.0)
600000
>>> retry_at(now=73 * HOUR, first_tried=0, tries=20, retry_after=None, chance=0.5) is None
True
"""

from personas.core.moments import HOUR, MINUTE

GIVE_UP_AFTER = 72 * HOUR
_FIRST = MINUTE
_LONGEST = 2 * HOUR


def retry_at(now: int, first_tried: int, tries: int, retry_after: int | None, chance: float) -> int | None:
    """The moment of the next try, in ms; None once 72 hours have been spent on it.

    `tries` are those before the one that just failed, `retry_after` is the tool's word in ms from now, `chance` lies in
    [0, 1]: half of the pause is fixed and half is jitter, so that what failed together does not come back together.
    """
    give_up = first_tried + GIVE_UP_AFTER
    if now >= give_up:
        return None
    pause = min(_LONGEST, _FIRST * 2 ** min(tries, 20))
    pause = int(pause * (0.5 + chance / 2))
    return min(now + max(pause, retry_after or 0), max(give_up, now + MINUTE))
