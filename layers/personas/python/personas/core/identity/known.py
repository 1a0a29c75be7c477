"""What a warm worker remembers of the graph, bounded. It may save a read or a needless write, never a check.

A mapping never changes. A root may have merged, grown or been taken apart elsewhere since: it is believed for ROOT_AGE,
and whoever writes checks its version. Methods are atomic, as threads share one memory.

>>> known, one = Known(), Identifier("email", "a@b.c")
>>> known.put_mapping("sp", one, "use_1")
>>> known.put_root("sp", Root("use_1", created=5), now=0)
>>> known.root_of("sp", one, now=ROOT_AGE).id, known.root_of("sp", one, now=ROOT_AGE + 1)
('use_1', None)
"""

from collections import OrderedDict
from threading import RLock
from typing import Generic, TypeVar

from personas.core.identifier import Identifier
from personas.core.identity.root import Root
from personas.core.identity.walk import Lost, walk
from personas.core.moments import MINUTE

CAPACITY = 50_000
"""Of mappings, and of roots: some 50 MB together."""

ROOT_AGE = 5 * MINUTE
"""Until then a merge or an unmerge made elsewhere may go unnoticed; the profile forwards what still reaches it."""

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A dictionary of bounded size, from which the least recently used entry falls."""

    def __init__(self, capacity: int) -> None:
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._capacity = capacity

    def get(self, key: K) -> V | None:
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)


class Known:
    def __init__(self, capacity: int = CAPACITY) -> None:
        self._profiles: Recent[tuple[str, Identifier], str] = Recent(capacity)
        self._roots: Recent[tuple[str, str], tuple[Root, int]] = Recent(capacity)
        self._asides: Recent[tuple[str, str, Identifier], bool] = Recent(capacity)
        self._types: Recent[tuple[str, int, str], bool] = Recent(capacity)
        self._lock = RLock()

    def profile_of(self, space: str, identifier: Identifier) -> str | None:
        """The profile that claimed it, merged since or not."""
        with self._lock:
            return self._profiles.get((space, identifier))

    def root_of(self, space: str, identifier: Identifier, now: int) -> Root | None:
        """The current root, where all that leads there is remembered and fresh."""
        found = self._walk(space, identifier, now)
        return found if isinstance(found, Root) else None

    def lost_of(self, space: str, identifier: Identifier, now: int) -> tuple[str, ...]:
        """The profiles whose roots are to be read to come nearer to that of an identifier whose mapping is known."""
        found = self._walk(space, identifier, now)
        return found.profiles if isinstance(found, Lost) else ()

    def _walk(self, space: str, identifier: Identifier, now: int) -> Root | Lost | None:
        def fresh(profile: str) -> Root | None:
            root, at = self._roots.get((space, profile)) or (None, 0)
            return root if now - at <= ROOT_AGE else None

        with self._lock:
            profile = self._profiles.get((space, identifier))
            return walk(fresh, profile, identifier) if profile else None

    def put_mapping(self, space: str, identifier: Identifier, profile: str) -> None:
        with self._lock:
            self._profiles.put((space, identifier), profile)

    def put_root(self, space: str, root: Root, now: int) -> None:
        """A read that another thread's write has overtaken does not undo what is remembered of that write."""
        with self._lock:
            newest, _ = self._roots.get((space, root.id)) or (root, now)
            self._roots.put((space, root.id), (max(root, newest, key=lambda one: one.version), now))

    def drop_root(self, space: str, profile: str) -> None:
        with self._lock:
            self._roots.drop((space, profile))

    def first_aside(self, space: str, profile: str, identifier: Identifier) -> bool:
        """True the first time that this worker sets the identifier aside for the profile."""
        with self._lock:
            key = (space, profile, identifier)
            return not self._asides.get(key)

    def first_type(self, space: str, version: int, kind: str) -> bool:
        """True the first time that this worker meets the type under that version of the space's rules."""
        with self._lock:
            return not self._types.get((space, version, kind))

    def noted_type(self, space: str, version: int, kind: str) -> None:
        with self._lock:
            self._types.put((space, version, kind), True)

    def noted_aside(self, space: str, profile: str, identifier: Identifier) -> None:
        with self._lock:
            self._asides.put((space, profile, identifier), True)
