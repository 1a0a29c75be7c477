"""Within the Maps of a preview: one shard of the space's users, or of the profiles that are looked at.

Both may run twice: they write the same files again.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

from personas import preview_values
from personas.core.backfill.shards import Shard
from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.state import Evaluation
from personas.core.lanes import lane_of
from personas.core.preview import fold
from personas.core.preview.contribution import Contribution
from personas.core.preview.preview import Preview
from personas.core.preview.result import result_of
from personas.core.preview.subject import Subject, asked_of_accounts, is_in
from personas.core.profile.profile import ACCOUNT_PREFIX
from personas.core.profile.stored import Stored
from personas.core.query.tree import Field
from personas.stores import archive_scan, definitions, preview_parts, profiles
from personas.stores.archive_time import of_time
from personas.whose import Rows, parted_in

Said = dict[str, Any]
"""An entry of the list that a Map goes through."""


def gather(preview: Preview, said: Said) -> None:
    """Tell whose rows count for which accounts, and how they answer what is asked of them, as far as the users of this
    shard are concerned."""
    found: dict[int, dict[str, Contribution]] = {
        target: {}
        for target in range(-(-said["lanes"] // said["width"]))  # also where there is nothing to tell
    }
    users = [
        user for user in _users(preview, said) if any(lane_of(one) < said["lanes"] for one in user.profile.accounts)
    ]
    for user, evaluation in _values(preview, said, "members", users):
        for account in user.profile.accounts:
            lane = lane_of(account)
            if lane < said["lanes"]:
                found[lane // said["width"]].setdefault(account, Contribution()).take(user, evaluation.values)
    for target, contributions in found.items():
        preview_parts.keep_contributions(preview, target, said["number"], contributions)


def evaluate(preview: Preview, said: Said) -> None:
    """The partial result of this shard."""
    level = preview.definition.collection
    subjects = list(_users(preview, said) if level == "users" else _accounts(preview, said))
    result = result_of(preview)
    key = preview.definition.key
    for subject, evaluation in _values(preview, said, level, subjects):
        result.take(subject, evaluation.values.get(key), key in evaluation.capped)
    preview_parts.keep_partial(preview, said["number"], result.to_data())


def _values(preview: Preview, said: Said, level: str, subjects: list[Subject]) -> Iterator[tuple[Subject, Evaluation]]:
    compiled, live = DefinitionSet.of_data(preview.compiled), definitions.load(preview.space, said["version"])
    if level != "accounts" and (audiences := asked_of_accounts(compiled, live).values()):
        accounts = {account for subject in subjects for account in subject.profile.accounts}
        held = {
            stored.id: frozenset(audience.key for audience in audiences if is_in(stored.profile, audience))
            for stored in _read(preview, accounts)
        }
        subjects = [
            replace(one, audiences=frozenset().union(*(held.get(account, ()) for account in one.profile.accounts)))
            for one in subjects
        ]
    whose = Rows.of(preview.space)
    names = fold.events_of(compiled, level)
    objects = list(of_time(preview_parts.objects_of(said["objects"]), preview.definition.options.since))

    def read(profiles: Collection[str], fields: Collection[Field] | None) -> list[Any]:
        return archive_scan.ledger_tables(objects, profiles, names, fields, identified=bool(whose.parted))

    return preview_values.values(compiled, level, read, subjects, live, preview.created, whose)


def _users(preview: Preview, said: Said) -> Iterator[Subject]:
    """The alive ones with rows in this shard; those without rows of their own, where their first absorbed one is."""
    lanes = Shard(said["number"], said["first"], said["last"]).lanes
    objects = preview_parts.objects_of(said["objects"])
    # Of what was taken apart, the one may have all its rows with the other.
    parted = parted_in(preview.space)
    with_rows = archive_scan.profiles(objects, lanes) | {profile for profile in parted if lane_of(profile) in lanes}
    mine = {profile for profile in with_rows if not profile.startswith(ACCOUNT_PREFIX)}
    tombstones: list[Stored] = []
    for stored in _read(preview, mine):
        if subject := Subject.user(stored, parted):
            yield subject
        else:
            tombstones.append(stored)
    known = mine | parted
    survivors = [one for one in _survivors(preview, tombstones, parted) if one.profile.id not in known]
    with_rows = archive_scan.named(objects, {profile for subject in survivors for profile in subject.contributors})
    for subject in survivors:
        first = min(with_rows.intersection(subject.contributors), default=None)
        if subject.profile.id not in with_rows and first in mine:
            yield subject


def _survivors(preview: Preview, tombstones: Iterable[Stored], parted: Collection[str]) -> Iterator[Subject]:
    """Who these have become, each once."""
    waiting = {into for stored in tombstones if (into := stored.profile.merged_into)}
    seen: set[str] = set()
    while waiting:
        seen |= waiting
        further: set[str] = set()
        for stored in _read(preview, waiting):
            if subject := Subject.user(stored, parted):
                yield subject
            elif stored.profile.merged_into:
                further.add(stored.profile.merged_into)
        waiting = further - seen


def _accounts(preview: Preview, said: Said) -> Iterator[Subject]:
    contributions = preview_parts.contributions(preview, said["number"], range(said["gathered"]))
    asked = DefinitionSet.of_data(preview.compiled).asked_of_members
    for stored in _read(preview, contributions):
        if not stored.profile.merged_into:
            found = contributions[stored.id]
            yield Subject(stored.profile, tuple(found.rows), found.answers(asked))


def _read(preview: Preview, ids: Iterable[str]) -> Iterator[Stored]:
    """In the order of their ids."""
    found = profiles.read_lately([(preview.space, profile) for profile in sorted(ids)])
    return (found[key] for key in sorted(found))
