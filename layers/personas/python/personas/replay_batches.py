"""Gives batches that Lambda gave up as a whole another try, once what killed them was mended.

Records of a Kinesis stream go back to it under their own keys: events are known again by their messageIds, merged parts
by their keys. A table's stream takes nothing back, so its records are handed to their function, to which a version of a
profile that it had before is no news. A batch is deleted only after that, so that a run that breaks off loses nothing.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from personas import profiles_stream, wire
from personas.aws import client, setting
from personas.clock import now_ms
from personas.core.discarded_batch import DiscardedBatch
from personas.core.envelope import AbsorbEnvelope, Envelope
from personas.core.errors import PersonasError
from personas.core.lanes import explicit_hash_key, lane_of_key
from personas.core.moments import DAY
from personas.core.profile.part import Part
from personas.stores import discarded_batches, outbox, profiles
from personas.streams import Record, put_records

CHANGES = "changes"
FRESH_MS = outbox.REMEMBERED - DAY
"""For so long what was told since is certainly remembered, so that old images tell nothing that is over."""


class NobodyTakesThem(PersonasError):
    """The batch is of a stream that is none of this deployment's."""


class FailedAgain(PersonasError):
    """The function could not handle the batch this time either."""


@dataclass(frozen=True, slots=True)
class ReplayedBatches:
    batches: int = 0
    records: int = 0
    failed: tuple[str, ...] = ()
    """Why batches are still where they were: one reason each."""


def replay_batches(stage: str | None = None) -> ReplayedBatches:
    """All batches that are there now, or those of one function (`identity`, `profiles`, `merges`, `changes`).

    Idempotent in its effect. Needs DEAD_LETTERS_BUCKET, EVENTS_STREAM, PROFILES_STREAM and PROFILES_TABLE, and may
    invoke the functions.
    """
    batches = records = 0
    failed: list[str] = []
    for key in discarded_batches.waiting():
        try:
            batch = discarded_batches.read(key)
            if stage not in (None, batch.stage):
                continue
            _give_back(batch)
        except PersonasError as error:
            failed.append(f"{key}: {error}")
            continue
        discarded_batches.forget(key)
        batches, records = batches + 1, records + len(batch.records)
    return ReplayedBatches(batches, records, tuple(failed))


def _give_back(batch: DiscardedBatch) -> None:
    if batch.stream is None:
        records = _true_now(batch.records) if batch.stage == CHANGES else list(batch.records)
        if records:
            _invoke(batch.function, records)
    elif batch.stream == setting("EVENTS_STREAM"):
        put_records(batch.stream, [Record(data, key) for data, key in _content(batch)])
    elif batch.stream == setting("PROFILES_STREAM"):
        put_records(batch.stream, [_lane_record(data, key) for data, key in _content(batch)])
    else:
        raise NobodyTakesThem(f"{batch.source} is no stream of this deployment")


def _content(batch: DiscardedBatch) -> Iterator[tuple[bytes, str]]:
    """Data and partition key of each Kinesis record."""
    for record in batch.records:
        yield b64decode(record["kinesis"]["data"]), record["kinesis"]["partitionKey"]


def _lane_record(data: bytes, key: str) -> Record:
    lane = lane_of_key(key)
    envelopes = profiles_stream.read_envelopes(data)
    again = [_again(envelope) for envelope in envelopes if not _is_absorbed(envelope)]
    if again != envelopes:
        data = wire.pack({"lane": lane, "envelopes": [envelope.to_data() for envelope in again]})
    return Record(data, key, explicit_hash_key(lane))


def _again(envelope: Envelope) -> Envelope:
    """A numbered part is to be known by its key from now on: the receiver's watermark has gone past its number, whether
    the part was taken in or not. (What parts with a number bring is the same when it is taken in twice.)"""
    return replace(envelope, number=None) if isinstance(envelope, AbsorbEnvelope) and envelope.number else envelope


def _is_absorbed(envelope: Envelope) -> bool:
    """Whether the part of a merged profile was taken in before the batch was given up, perhaps so long ago that the
    survivor's memory does not know its key any more."""
    if not isinstance(envelope, AbsorbEnvelope):
        return False
    lineage = Part.of_data(envelope.state).lineage
    stored = profiles.read(envelope.space, envelope.profile)
    while stored and (into := stored.profile.merged_into):
        stored = profiles.read(envelope.space, into)
    return bool(lineage and stored and set(lineage) <= set(stored.state.lineage))


def _true_now(records: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """Records so old that what was told since may be forgotten get the profile as it is now for their new image.

    Those of profiles that do not exist any more are left out.
    """
    oldest = (now_ms() - FRESH_MS) / 1_000
    found = []
    for record in records:
        change = record["dynamodb"]
        if change["ApproximateCreationDateTime"] >= oldest or "NewImage" not in change:
            found.append(record)
        elif image := _image_now(change["Keys"]["pk"]["S"]):
            found.append({**record, "dynamodb": {**change, "NewImage": image}})
    return found


def _image_now(pk: str) -> dict[str, Any] | None:
    stored = profiles.read(*pk.split("#p#", 1))
    if stored is None:
        return None
    item = profiles.profile_item(stored.profile)
    return {**item, "data": {"B": b64encode(item["data"]["B"]).decode()}}


def _invoke(function: str, records: list[dict[str, Any]]) -> None:
    """Raises FailedAgain. Idempotent as the functions are."""
    answer = client("lambda").invoke(FunctionName=function, Payload=orjson.dumps({"Records": records}))
    said = answer["Payload"].read()
    failures = orjson.loads(said or b"null") if "FunctionError" not in answer else None
    if failures is None or failures.get("batchItemFailures"):
        raise FailedAgain(f"{function.rpartition(':')[2]} answered {said[:500].decode(errors='replace')}")
