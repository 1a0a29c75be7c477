"""Definitions and trait mappings of a space, and the snapshots that handlers compute with.

Every change makes a new version: one transaction writes the definition, the compiled snapshot of all that are in force
or coming, with the mappings, and the head. A snapshot never changes, so that a warm worker may keep it; a large one
lies in several items.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from personas import documents, wire
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.trait_mapping import TraitMapping
from personas.core.errors import NotFound, TooLarge, Unavailable
from personas.core.saved_definition import SavedDefinition
from personas.stores import spaces
from personas.uncollected import uncollected
from personas.weighed import Weighed

TRIES = 8
MAX_PARTS = 9
"""Parts of a snapshot: a transaction takes 4 MB in all."""


@dataclass(frozen=True, slots=True)
class Change:
    """What to do to the definitions and mappings of a space: save some, remove some (by id)."""

    saved: tuple[SavedDefinition, ...] = ()
    removed: tuple[str, ...] = ()
    mapped: tuple[TraitMapping, ...] = ()
    unmapped: tuple[str, ...] = ()


def partition(space: str) -> str:
    return f"{space}#definition"


def mapping_partition(space: str) -> str:
    return f"{space}#trait-mapping"


def snapshot_partition(space: str) -> str:
    return f"{space}#definitions"


def snapshot_key(version: int, part: int | str) -> str:
    return f"v{version:08d}#{part}"


loaded: Weighed[DefinitionSet] = Weighed(limit=20_000)
"""By space and version. A definition takes 4 KB in memory, and a set that has none something, too: 80 MB in all."""


def load(space: str, version: int) -> DefinitionSet:
    """What was in force or coming at a version, compiled; 0 is empty. Raises NotFound where the space is gone."""
    return loaded.get((space, version), lambda: _load(space, version), lambda found: found.size + 10)


def _load(space: str, version: int) -> DefinitionSet:
    if version == 0:
        return DefinitionSet.empty()
    parts = [item["data"]["B"] for item in documents.items(snapshot_partition(space), snapshot_key(version, ""))]
    if not parts:
        raise NotFound(f"space {space} has no definitions of version {version}")
    return unpacked(b"".join(parts))


def packed(compiled: DefinitionSet) -> bytes:
    return wire.pack(compiled.to_data(), 6)


def unpacked(data: bytes) -> DefinitionSet:
    with uncollected():
        return DefinitionSet.of_data(wire.unpack(data))


def of_space(space: str) -> tuple[SavedDefinition, ...]:
    """Read consistently, oldest first."""
    found = [SavedDefinition.of_data(data) for data in documents.all_of(partition(space))]
    return tuple(sorted(found, key=lambda saved: (saved.created, saved.id)))


def mappings_of(space: str) -> tuple[TraitMapping, ...]:
    """Read consistently, oldest first."""
    found = [TraitMapping.of_data(data) for data in documents.all_of(mapping_partition(space))]
    return tuple(sorted(found, key=lambda mapping: (mapping.created, mapping.id)))


def get(space: str, definition_id: str) -> SavedDefinition | None:
    data = documents.get(partition(space), definition_id)
    return SavedDefinition.of_data(data) if data else None


def change(space: str, decide: Callable[[tuple[SavedDefinition, ...], int], Change]) -> int:
    """Apply what `decide` makes of (all definitions, the version to come), all or nothing; the new version.

    Decides again when another change came first. Raises what `decide` and the compiler raise, and NotFound where the
    space does not exist.
    """
    for _ in range(TRIES):
        head = spaces.head(space)
        if head is None:
            raise NotFound(f"there is no space {space!r}")
        version = head.definitions + 1
        before = of_space(space)
        decided = decide(before, version)
        after = {saved.id: saved for saved in (*before, *decided.saved) if saved.id not in decided.removed}
        mappings = {mapping.id: mapping for mapping in (*mappings_of(space), *decided.mapped)}
        kept = [mapping for mapping in mappings.values() if mapping.id not in decided.unmapped]
        with uncollected():
            compiled = _compiled(version, after.values(), kept, load(space, head.definitions))
        moved = spaces.head_moved(space, "definitions", version)
        try:
            documents.transact([moved, *_writes(space, decided), *_snapshot(space, version, compiled)])
        except (documents.NotAsExpected, Unavailable):
            continue
        return version
    raise Unavailable(f"the definitions of space {space} changed {TRIES} times meanwhile")


def _compiled(
    version: int, saved: Iterable[SavedDefinition], mappings: Iterable[TraitMapping], before: DefinitionSet
) -> DefinitionSet:
    """Raises what the compiler raises about what is wanted, though it is not yet in force.

    Aggregates that are kept already go on. But a backfill that begins begins afresh: of aggregates that lack their past
    it takes over nothing, whatever an earlier backfill may have added to some profiles.
    """
    enabled, known = [one for one in saved if one.enabled], before.trees
    if any(one.live != one.definition for one in enabled):
        wanted = DefinitionSet.of(version, [one.definition for one in enabled], mappings, known=known)
        _parts(wanted)
        known |= wanted.trees
    coming = [one.definition for one in enabled if one.coming]
    begins = any(one.coming_since == version for one in enabled)
    kept_since = before.complete_since if begins else before.kept_since
    return DefinitionSet.of(version, [one.live for one in enabled if one.live], mappings, coming, kept_since, known)


def _writes(space: str, decided: Change) -> list[dict[str, Any]]:
    puts = [documents.placed(partition(space), saved.id, saved.to_data()) for saved in decided.saved]
    puts += [documents.placed(mapping_partition(space), mapping.id, mapping.to_data()) for mapping in decided.mapped]
    gone = [documents.removed(partition(space), removed) for removed in decided.removed]
    gone += [documents.removed(mapping_partition(space), unmapped) for unmapped in decided.unmapped]
    return puts + gone


def _snapshot(space: str, version: int, compiled: DefinitionSet) -> list[dict[str, Any]]:
    pk = snapshot_partition(space)
    items = [
        {**documents.key(pk, snapshot_key(version, place)), "data": {"B": part}}
        for place, part in enumerate(_parts(compiled))
    ]
    return [{"Put": {"TableName": documents.table(), "Item": item}} for item in items]


def _parts(compiled: DefinitionSet) -> list[bytes]:
    """Raises TooLarge."""
    data = packed(compiled)
    parts = [data[start : start + documents.MAX_DATA] for start in range(0, len(data), documents.MAX_DATA)]
    if len(parts) > MAX_PARTS:
        raise TooLarge("the definitions of this space are too many: delete or disable some of them")
    return parts
