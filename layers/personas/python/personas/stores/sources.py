"""Sources of a space, and the way from a write key to its source.

A source lies under its space; each write key also under the hash of itself, which is all that ingestion reads. Found
keys are remembered by a warm worker for a while, unknown ones never.
"""

from personas import documents, dynamo
from personas.clock import now_ms
from personas.core.moments import SECOND
from personas.core.workspace import Source, fingerprint_of

REMEMBERED = 30 * SECOND
MAX_REMEMBERED = 10_000

_by_key: dict[str, tuple[int, str, str]] = {}


def partition(space: str) -> str:
    return f"{space}#sources"


def write_key_partition(write_key: str) -> str:
    return f"key#{fingerprint_of(write_key)}"


def create(source: Source) -> None:
    """The write keys of a source that is not enabled lead nowhere. Idempotent for the same source."""
    puts = [documents.item(partition(source.space), source.id, source.to_data())]
    owner = {"space": source.space, "source": source.id}
    keys = source.write_keys if source.enabled else ()
    puts += [documents.item(write_key_partition(write_key), "key", owner) for write_key in keys]
    dynamo.batch_write(documents.table(), puts)


def remove(source: Source) -> None:
    """Its write keys first, so that a half-done removal never leaves a key without a source. Idempotent."""
    keys = [documents.key(write_key_partition(write_key), "key") for write_key in source.write_keys]
    dynamo.batch_write(documents.table(), deletes=keys)
    documents.delete(partition(source.space), source.id)


def get(space: str, source_id: str) -> Source | None:
    data = documents.get(partition(space), source_id)
    return Source.of_data(data) if data else None


def of_space(space: str) -> tuple[Source, ...]:
    return tuple(Source.of_data(data) for data in documents.all_of(partition(space)))


def by_write_key(write_key: str) -> tuple[str, str] | None:
    """(space, source) of a write key, or None. A removed key may still be taken for up to REMEMBERED ms."""
    now = now_ms()
    known = _by_key.get(write_key)
    if known and known[0] <= now < known[0] + REMEMBERED:
        return known[1:]
    owner = documents.get(write_key_partition(write_key), "key", consistent=False)
    if owner is None:
        _by_key.pop(write_key, None)
        return None
    if len(_by_key) >= MAX_REMEMBERED:
        _by_key.clear()
    _by_key[write_key] = (now, owner["space"], owner["source"])
    return owner["space"], owner["source"]
