"""Backfill, inside its Maps: one shard of the archive is folded into absorbs, or the profiles in it are ticked."""

from collections.abc import Iterator
from typing import Any

from personas import backfill_due, backfill_fold, cooling, profiles_stream, rebuilding
from personas.clock import now_ms
from personas.core.backfill.fold import names, since
from personas.core.backfill.shards import Shard
from personas.core.envelope import AbsorbEnvelope, TickEnvelope
from personas.core.lanes import lane_of
from personas.core.moments import hour_of
from personas.stores import archive_scan, backfill_lists, backfills, definitions
from personas.stores.archive_time import of_time
from personas.stores.parquet_object import ArchiveObject
from personas.whose import Rows, parted_in


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Running it twice is harmless: a profile takes a part once by its key, and a second tick changes nothing.

    What nobody wants any more is not done, and neither is what belongs to a run that was lost: another one does it.
    """
    space, run, number = event["space"], event["run"], event["number"]
    if not backfills.renew(space, run, now_ms()):
        return {"number": number}
    if event["task"] in ("gather", "share"):
        rebuilding.work(event, now_ms())
        return {"number": number}
    lanes = Shard(number, event["first"], event["last"]).lanes
    objects = backfill_lists.objects_of(event["objects"])
    if event["task"] == "fold":
        if backfill_due.is_wanted(space, event["version"]):
            cooling.send(_parts(event, objects, lanes), definitions.load(space, event["version"]), now_ms())
        backfills.folded(space, run, number, now_ms())
    else:
        hour = hour_of(now_ms())
        profiles = archive_scan.profiles(objects, lanes, event["names"])
        # A profile that got its past from others may have no rows of its own.
        profiles |= {profile for profile in parted_in(space) if lane_of(profile) in lanes}
        profiles_stream.send(TickEnvelope(space, profile, hour) for profile in sorted(profiles))
    return {"number": number}


def _parts(event: dict[str, Any], objects: list[ArchiveObject], lanes: range) -> Iterator[AbsorbEnvelope]:
    space, version = event["space"], event["version"]
    coming, now = definitions.load(space, version), now_ms()
    rows = Rows.of(space, rebuilding.unfollowed(space))
    tables = archive_scan.lane_tables(
        list(of_time(objects, since(coming))),
        lanes,
        names(coming),
        backfill_fold.fields_of(coming),
        max(coming.lacking_since.values()),
        identified=bool(rows.parted),
    )
    for profile, receiver, state in backfill_fold.parts(coming, tables, rows, now):
        whose = profile if profile == receiver else f"{profile}:{receiver}"
        yield AbsorbEnvelope(space, receiver, f"backfill:{version}:{event['run']}:{whose}", {"c": state})
