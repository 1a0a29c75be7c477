"""The identity resolution rules of a space, by version: version 0 is what every space starts with."""

from functools import lru_cache

from personas import documents
from personas.core.errors import NotFound, Unavailable
from personas.core.identity.rules import Rules
from personas.stores import seen_types, spaces

TRIES = 8


def partition(space: str) -> str:
    return f"{space}#rules"


def version_key(version: int) -> str:
    return f"v{version:08d}"


@lru_cache(maxsize=512)
def load(space: str, version: int) -> Rules:
    """A version never changes. Raises NotFound where the space is gone."""
    if version == 0:
        return Rules.default()
    data = documents.get(partition(space), version_key(version))
    if data is None:
        raise NotFound(f"space {space} has no identity rules of version {version}")
    return Rules.of_data(data)


def current(space: str) -> Rules:
    """Raises NotFound where the space does not exist."""
    head = spaces.head(space)
    if head is None:
        raise NotFound(f"there is no space {space!r}")
    return load(space, head.rules)


def listed(space: str) -> Rules:
    """The current rules with the types that events have brought since. Raises NotFound."""
    head = spaces.head(space)
    if head is None:
        raise NotFound(f"there is no space {space!r}")
    return load(space, head.rules).with_types(seen_types.read(space, head.rules))


def save(space: str, rules: Rules) -> int:
    """The new version, current from now on for events to come. The last of two savers stands. Raises NotFound."""
    for _ in range(TRIES):
        head = spaces.head(space)
        if head is None:
            raise NotFound(f"there is no space {space!r}")
        version = head.rules + 1
        moved = spaces.head_moved(space, "rules", version)
        try:
            documents.transact([moved, documents.placed(partition(space), version_key(version), rules.to_data())])
        except (documents.NotAsExpected, Unavailable):
            continue
        return version
    raise Unavailable(f"the identity rules of space {space} changed {TRIES} times meanwhile")
