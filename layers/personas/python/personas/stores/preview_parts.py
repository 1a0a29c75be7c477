"""What the workers of a preview hand on, in WORK_BUCKET: lists of objects and shards, contributions, partial results.

All of a preview lies under one prefix. The bucket's lifecycle removes it, and the purge what a deleted space has there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from personas.core.backfill.shards import Shard
from personas.core.preview.contribution import Contribution
from personas.core.preview.preview import Preview
from personas.stores import work_files
from personas.stores.parquet_object import ArchiveObject

Contributions = Mapping[str, Contribution]
"""By account."""


def keep_objects(preview: Preview, objects: Sequence[ArchiveObject]) -> str:
    """The key of the list. Idempotent."""
    return work_files.keep(_key(preview, "objects"), [one.to_data() for one in objects])


def objects_of(key: str) -> list[ArchiveObject]:
    return [ArchiveObject.of_data(data) for data in work_files.load(key)]


def keep_shards(preview: Preview, name: str, shards: Sequence[Shard], said: dict[str, Any]) -> str:
    """The key of a list for a Map to go through; each entry has `said` too. Idempotent."""
    return work_files.keep(_key(preview, name), [{**said, **shard.to_data()} for shard in shards])


def keep_contributions(preview: Preview, target: int, number: int, found: Contributions) -> None:
    """What shard `number` has found for the accounts of shard `target`. Idempotent."""
    data = {account: contribution.to_data() for account, contribution in found.items()}
    work_files.keep(_key(preview, f"contributions/{target}/{number}"), data)


def contributions(preview: Preview, target: int, numbers: Iterable[int]) -> dict[str, Contribution]:
    """What all of these shards have found for that one."""
    united: dict[str, Contribution] = {}
    for number in numbers:
        for account, found in work_files.load(_key(preview, f"contributions/{target}/{number}")).items():
            united.setdefault(account, Contribution()).unite(found)
    return united


def keep_partial(preview: Preview, number: int, data: dict[str, Any]) -> None:
    """The result of one shard. Idempotent."""
    work_files.keep(_key(preview, f"partial/{number}"), data)


def partials(preview: Preview, numbers: Iterable[int]) -> Iterator[dict[str, Any]]:
    return (work_files.load(_key(preview, f"partial/{number}")) for number in numbers)


def _key(preview: Preview, name: str) -> str:
    return f"preview/{preview.space}/{preview.id}/{name}.json"
