"""Give both profiles of an unmerge their share of the past: steps of the backfill workflow, and the work in its Maps.

    divide → both have begun anew → the archive's rows of both are gathered, piece by piece → each is sent its share

Nothing else is brought into force meanwhile, so that what is counted again is counted under definitions that stand.

Invariant: a step or a piece that died after any write, or runs twice, may be run again; and a run that was lost leaves
the unmerge pending. A profile takes its share once, by a key that names the unmerge.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

from personas import cooling, profiles_stream
from personas.core.envelope import AbsorbEnvelope, DivideEnvelope
from personas.core.event import fingerprint
from personas.core.identifier import Identifier
from personas.core.identity.unmerge import Unmerge
from personas.core.moments import MINUTE
from personas.core.profile.delivery import led_by
from personas.core.profile.dividing import share_key
from personas.core.profile.part import Part
from personas.core.profile.parted import Awaited
from personas.core.profile.refold import Share
from personas.core.saved_definition import SavedDefinition
from personas.stores import (
    archive,
    archive_scan,
    backfill_lists,
    definitions,
    profiles,
    spaces,
    spills,
    unmerges,
    work_files,
)
from personas.stores.parquet_object import ArchiveObject
from personas.whose import Owners

TOGETHER = 100
"""Unmerges that are seen to in one scan of the archive."""
PATIENCE = 15 * MINUTE
"""For what belongs to a profile to come in; what takes longer is left to the next run."""
PIECE_OBJECTS, PIECE_BYTES = 2_000, 256_000_000
"""Of the archive, in one piece of the gathering."""
DONE = Awaited("", 0, ())
"""Its share has come in already."""

State = dict[str, Any]
"""What the workflow carries, as personas/backfill.py says."""


def begin(space: str, run: str, now: int) -> State:
    """Tell the profiles of the oldest unmerges that are pending."""
    pending, head = unmerges.pending(space)[:TOGETHER], spaces.head(space)
    profiles_stream.send(
        DivideEnvelope(
            space=space,
            profile=unmerge.profile,
            unmerge=unmerge.id,
            parted=unmerge.profile,
            epoch=unmerge.epoch,
            other=unmerge.other,
            other_epoch=unmerge.other_epoch,
            keys=(*unmerge.keys, *unmerge.leaving),
            passed=dict(unmerge.passed),
            lineage=unmerge.lineage,
            run=run,
            version=head.barrier if head else 0,
        )
        for unmerge in pending
    )
    ids = [unmerge.id for unmerge in pending]
    return {"next": "step", "space": space, "run": run, "step": "parted", "unmerges": ids, "since": now}


def parted(space: str, run: str, state: State, now: int) -> State:
    """Go on with those that have begun anew, once all have or the others have had their time."""
    every = [unmerge for unmerge in unmerges.pending(space) if unmerge.id in state["unmerges"]]
    awaited = {unmerge.id: _awaited(space, unmerge) for unmerge in every}
    ready = [unmerge_id for unmerge_id, sides in awaited.items() if all(sides)]
    if len(ready) < len(every) and now <= state["since"] + PATIENCE:
        return {**state, "next": "wait"}
    if not ready:
        return {"next": "step", "space": space, "run": run, "step": "begin", "late": True}
    wanted = {
        stretch.profile
        for unmerge_id in ready
        for side in awaited[unmerge_id]
        for ended in (side.ended if side else ())
        for stretch in ended.stretches
    }
    pieces = list(_pieces(archive_scan.manifest(space)))
    said = {"space": space, "run": run, "task": "gather"}
    who = backfill_lists.keep(space, run, "profiles", sorted(wanted))
    entries = []
    for number, piece in enumerate(pieces):
        objects = backfill_lists.keep_objects(space, run, f"gather-{number}", piece)
        entries.append({**said, "number": number, "objects": objects, "profiles": who})
    key = backfill_lists.keep(space, run, "gather", entries)
    after = {"space": space, "run": run, "unmerges": ready, "pieces": len(pieces)}
    if not pieces:
        return {**after, "next": "step", "step": "share"}
    return {**after, "next": "map", "step": "share", "bucket": backfill_lists.bucket(), "key": key}


def share(space: str, run: str, state: State, now: int) -> State:
    """Everything is gathered: have each unmerge seen to by itself."""
    del now
    said = {"space": space, "run": run, "task": "share", "pieces": state["pieces"]}
    entries = [{**said, "number": place, "unmerge": one} for place, one in enumerate(state["unmerges"])]
    key = backfill_lists.keep(space, run, "share", entries)
    return {"next": "map", "space": space, "run": run, "step": "begin", "bucket": backfill_lists.bucket(), "key": key}


def work(event: dict[str, Any], now: int) -> None:
    """One entry of one of the Maps."""
    if event["task"] == "gather":
        _gather(event)
    else:
        _share_out(event["space"], event["run"], event["unmerge"], event["pieces"], now)


def _gather(event: dict[str, Any]) -> None:
    wanted = work_files.load(event["profiles"])
    objects = backfill_lists.objects_of(event["objects"])
    rows = list(archive_scan.rows_of(objects, wanted))
    backfill_lists.keep_rows(event["space"], event["run"], event["number"], rows)


def _share_out(space: str, run: str, unmerge_id: str, pieces: int, now: int) -> None:
    unmerge = unmerges.read(space, unmerge_id)
    if unmerge is None:
        return
    rows = [row for number in range(pieces) for row in backfill_lists.rows_of(space, run, number)]
    owner = Owners(space)
    owner.ask((row.profile, identifier) for row in rows for identifier in (led_by(row), *row.identifiers))
    shown = _shown(space, {current for side in unmerge.sides if (current := owner(side, None))})
    versions = partial(definitions.load, space)
    shares: list[tuple[str, Share, list[tuple[str, Part]]]] = []
    for profile, awaited in zip(unmerge.sides, _awaited(space, unmerge), strict=True):
        current = owner(profile, None)
        if awaited is not None and awaited is not DONE and current is not None:
            found = Share.of(current, awaited, rows, owner)
            shares.append((profile, found, list(found.corrections(awaited, versions, now))))
    lost = {back.event.name for *_, corrected in shares for _, part in corrected for back in part.taken_back}
    _count_anew(space, lost)
    for profile, found, corrected in shares:
        key = share_key(unmerge.id, profile)
        corrections = (
            AbsorbEnvelope(space, account, f"{key}:{account}:{place}", part.to_data())
            for place, (account, part) in enumerate(corrected)
        )
        archive.write(found.taken_back())
        head = versions(found.newest)
        share = AbsorbEnvelope(space, profile, key, found.part(versions, shown, owner, now).to_data())
        cooling.send(corrections, head, now)
        cooling.send([share], head, now)  # last, as it says that all of this is done
    unmerges.note_rebuilt(space, unmerge.id, now)


def _shown(space: str, roots: Collection[str]) -> list[Identifier]:
    """The identifiers that they show."""
    found = profiles.read_many([(space, root) for root in sorted(roots)]).values()
    told = [stored.profile.identifiers for stored in found]
    return [Identifier(kind, value) for each in told for kind, values in each.items() for value in values]


def _count_anew(space: str, lost: Collection[str | None]) -> None:
    """What definitions keep of accounts that lost events of these names: the smallest of the others, or that there is
    none, does not follow from what was kept. The run brings them into force again. To do it twice costs time only."""

    def decide(before: tuple[SavedDefinition, ...], version: int) -> definitions.Change:
        concerned = definitions.load(space, version - 1).looking_at(lost)
        ours = (saved for saved in before if saved.definition.collection == "accounts")
        return definitions.Change(
            tuple(saved.counted_anew(version) for saved in ours if saved.id in concerned or saved.pending)
        )

    head = spaces.head(space) if lost else None
    if head and decide(definitions.of_space(space), head.definitions + 1).saved:
        definitions.change(space, decide)


def unfollowed(space: str) -> list[Unmerge]:
    """Unmerges of which the profile that stays has not been told: it has counted, and is given, what it was before.

    That does not change while definitions are brought into force: whoever is told after that begins is told anew later.
    """
    return [one for one in unmerges.pending(space) if _awaited_by(space, one.id, one.profile) is None]


def _awaited(space: str, unmerge: Unmerge) -> list[Awaited | None]:
    """What each side waits for; None: it has not begun anew yet."""
    return [_awaited_by(space, unmerge.id, profile) for profile in unmerge.sides]


def _awaited_by(space: str, unmerge_id: str, profile: str) -> Awaited | None:
    key = share_key(unmerge_id, profile)
    stored = profiles.read(space, profile)
    while stored:
        state = stored.state
        if state.into:
            stored = profiles.read(space, state.into)
            continue
        if key in state.parted.awaited:
            return state.parted.awaited[key]
        state.memory.load(spills.read(space, state.memory.spills))
        return DONE if state.memory.knows(fingerprint("absorb", key)) else None
    return None


def _pieces(objects: Sequence[ArchiveObject]) -> Iterator[list[ArchiveObject]]:
    piece: list[ArchiveObject] = []
    size = 0
    for one in objects:
        if piece and (len(piece) >= PIECE_OBJECTS or size + one.size > PIECE_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(one)
        size += one.size
    if piece:
        yield piece
