"""What a warm worker keeps of what it loaded: the latest used, as long as all of it weighs no more than a limit.

>>> kept = Weighed(limit=10)
>>> for key, weight in (("a", 4), ("b", 4), ("a", 4), ("c", 4)):
...     _ = kept.get(key, lambda: key.upper(), lambda value: weight)
>>> kept.get("a", lambda: "loaded again", lambda value: 4), kept.get("b", lambda: "loaded again", lambda value: 4)
('A', 'loaded again')
"""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Weighed(Generic[Value]):
    """One that alone weighs more than the limit is kept until the next one comes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._kept: dict[Hashable, tuple[Value, int]] = {}
        """The one that was used last comes last."""
        self._weight = 0

    def get(self, key: Hashable, load: Callable[[], Value], weigh: Callable[[Value], int]) -> Value:
        """What `load` gave for the key."""
        with self._lock:
            if key in self._kept:
                found = self._kept[key] = self._kept.pop(key)
                return found[0]
        value = load()
        with self._lock:
            self._drop(key)
            while self._kept and self._weight + weigh(value) > self._limit:
                self._drop(next(iter(self._kept)))
            self._kept[key] = value, weigh(value)
            self._weight += weigh(value)
        return value

    def clear(self) -> None:
        with self._lock:
            self._kept, self._weight = {}, 0

    def _drop(self, key: Hashable) -> None:
        _, weight = self._kept.pop(key, (None, 0))
        self._weight -= weight
