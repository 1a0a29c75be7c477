"""Values that never identify: exact ones and patterns. A blocked value stays on the event; it only leads nowhere.

>>> Blocklist.suggested().blocks("0000-0000"), Blocklist.suggested().blocks("'null'"), Blocklist().blocks("null")
(True, True, False)
"""

import re
from dataclasses import dataclass
from functools import lru_cache

SUGGESTED_PATTERNS = ("^[0-]*$",)
SUGGESTED_VALUES = ("-1", "null", "anonymous")
"""Segment's four suggestions (docs/rules.md)."""

_DESTROYERS = (
    *("undefined", "[object Object]", "NaN", "None", "true", "false"),
    *("guest", "not_authenticated", "email", "id", "distinct_id"),
)
"""What client code sends in place of an id. One of them unites everybody."""

DEFAULT_VALUES = (
    *SUGGESTED_VALUES,
    *(f"{quote}{word}{quote}" for word in _DESTROYERS for quote in ("", '"', "'")),
    *(f"{quote}{word}{quote}" for word in SUGGESTED_VALUES for quote in ('"', "'")),
)


@dataclass(frozen=True, slots=True)
class Blocklist:
    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    """Regular expressions, found anywhere in the value unless they anchor themselves."""

    @classmethod
    def suggested(cls) -> "Blocklist":
        return cls(DEFAULT_VALUES, SUGGESTED_PATTERNS)

    def blocks(self, value: str) -> bool:
        return value in self.values or any(_compiled(pattern).search(value) for pattern in self.patterns)

    def __bool__(self) -> bool:
        return bool(self.values or self.patterns)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
