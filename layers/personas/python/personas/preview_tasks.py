"""Within the Maps of a preview: one shard of the space's users, or of the profiles that are looked at.

Both may run twice: they write the same files again.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from personas.core.backfill.shards import Shard
from personas.core.compute.definition_set import DefinitionSet
from personas.core.lanes import lane_of
from personas.core.preview import fold
from personas.core.preview.preview import Preview
from personas.core.preview.result import result_of
from personas.core.preview.subject import Subject
from personas.core.profile.profile import ACCOUNT_PREFIX
from personas.core.profile.stored import Stored
from personas.stores import archive_scan, definitions, preview_parts, profiles

Said = dict[str, Any]
"""An entry of the list that a Map goes through."""


def gather(preview: Preview, said: Said) -> None:
    """Tell whose rows count for which accounts, as far as the users of this shard are concerned."""
    found: dict[int, dict[str, list[str]]] = {
        target: {}
        for target in range(-(-said["lanes"] // said["width"]))  # also where there is nothing to tell
    }
    for subject in _users(preview, said):
        for account in subject.profile.accounts:
            lane = lane_of(account)
            if lane < said["lanes"]:
                found[lane // said["width"]].setdefault(account, []).extend(subject.contributors)
    for target, contributions in found.items():
        preview_parts.keep_contributions(preview, target, said["number"], contributions)


def evaluate(preview: Preview, said: Said) -> None:
    """The partial result of this shard."""
    subjects = list(_users(preview, said) if preview.definition.collection == "users" else _accounts(preview, said))
    compiled = DefinitionSet.of_data(preview.compiled)
    names = {aggregate.event for aggregate in compiled.aggregates.values()}
    contributors = {contributor for subject in subjects for contributor in subject.contributors}
    rows = archive_scan.ledger_of(preview_parts.objects_of(said["objects"]), contributors, names)
    live = definitions.load(preview.space, said["version"])
    result = result_of(preview)
    for subject, value, capped in fold.values(compiled, preview.definition, rows, subjects, live, preview.created):
        result.take(subject, value, capped)
    preview_parts.keep_partial(preview, said["number"], result.to_data())


def _users(preview: Preview, said: Said) -> Iterator[Subject]:
    """The alive ones with rows in this shard; those without rows of their own, where their first absorbed one is."""
    lanes = Shard(said["number"], said["first"], said["last"]).lanes
    objects = preview_parts.objects_of(said["objects"])
    mine = {profile for profile in archive_scan.profiles(objects, lanes) if not profile.startswith(ACCOUNT_PREFIX)}
    tombstones: list[Stored] = []
    for stored in _read(preview, mine):
        if subject := Subject.user(stored):
            yield subject
        else:
            tombstones.append(stored)
    survivors = [subject for subject in _survivors(preview, tombstones) if subject.profile.id not in mine]
    with_rows = archive_scan.named(objects, {profile for subject in survivors for profile in subject.contributors})
    for subject in survivors:
        first = min(with_rows.intersection(subject.contributors), default=None)
        if subject.profile.id not in with_rows and first in mine:
            yield subject


def _survivors(preview: Preview, tombstones: Iterable[Stored]) -> Iterator[Subject]:
    """Who these have become, each once."""
    waiting = {into for stored in tombstones if (into := stored.profile.merged_into)}
    seen: set[str] = set()
    while waiting:
        seen |= waiting
        further: set[str] = set()
        for stored in _read(preview, waiting):
            if subject := Subject.user(stored):
                yield subject
            elif stored.profile.merged_into:
                further.add(stored.profile.merged_into)
        waiting = further - seen


def _accounts(preview: Preview, said: Said) -> Iterator[Subject]:
    contributions = preview_parts.contributions(preview, said["number"], range(said["gathered"]))
    for stored in _read(preview, contributions):
        if not stored.profile.merged_into:
            yield Subject(stored.profile, tuple(contributions[stored.id]))


def _read(preview: Preview, ids: Iterable[str]) -> Iterator[Stored]:
    """In the order of their ids."""
    found = profiles.read_many((preview.space, profile) for profile in sorted(ids))
    return (found[key] for key in sorted(found))
