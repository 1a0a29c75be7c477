"""The whole pipeline from the Tracking API to the outbox, woken portion by portion as Lambda does, with faults."""

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from functions.changes import handler as changes
from functions.identity import handler as identity
from functions.ingest import handler as ingest
from functions.merges import handler as merges
from functions.profiles import handler as profiles_handler
from personas import aws, barriers, dynamo
from personas.core.destination import Destination, checked
from personas.core.profile.profile import Profile
from personas.core.query.definition import Definition, Options
from personas.core.saved_definition import SavedDefinition
from personas.core.workspace import Source, Space
from personas.stores import definitions, destinations, graph, members, outbox, profiles, sources, spaces
from personas.stores.definitions import Change

from .plane import SHARDS, Died, Plane

ANYONE = Options(external_ids=("user_id", "email", "anonymous_id"))
DEFINITIONS = (
    ("orders", "computed_trait", "event('Order Completed').count()"),
    ("revenue", "computed_trait", "event('Order Completed').sum(property('revenue'))"),
    ("buyers", "audience", "event('Order Completed').count() >= 1"),
    ("regulars", "audience", "event('Order Completed').within(30 days).count() >= 2"),
)
STAGES = ("identity", "merges", "profiles", "changes")


class Context:
    """Lambda's context, with all the time in the world."""

    def get_remaining_time_in_millis(self) -> int:
        return 600_000


@dataclass
class Place:
    """How far one consumer of one shard has come."""

    done: int = 0
    most: int = 10_000
    """Records in the next batch: halved when a batch failed as a whole, as with BisectBatchOnFunctionError."""


@dataclass
class Pipeline:
    plane: Plane
    space: str
    places: dict[tuple[str, int], Place] = field(default_factory=dict)
    exits: list[Any] = field(default_factory=list)
    """Audience exits that tools would have been told."""

    def open(self) -> None:
        self.plane.begin()
        now = self.plane.ms
        spaces.create(Space(self.space, self.space, self.space, now))
        sources.create(Source(f"src-{self.space}", self.space, "web", (f"key-{self.space}",), now))
        tool = Destination(f"des-{self.space}", self.space, "tool", "actions-webhook", settings={"url": "http://tool"})
        destinations.save(checked(tool))
        known = [Definition(key, key, key, kind, "users", query, 1, ANYONE) for key, kind, query in DEFINITIONS]
        saved = tuple(SavedDefinition(one, "", True, now, now, live=one) for one in known)
        barriers.send(self.space, definitions.change(self.space, lambda *_: Change(saved)))
        self.places = {(stage, shard): Place() for stage in STAGES for shard in range(SHARDS)}

    def send(self, calls: list[dict[str, Any]]) -> int:
        body = json.dumps({"batch": calls, "writeKey": f"key-{self.space}"}).encode()
        answer = ingest.handle(
            {
                "version": "2.0",
                "rawPath": "/v1/batch",
                "rawQueryString": "",
                "headers": {"content-type": "application/json", "host": "localhost"},
                "requestContext": {"http": {"method": "POST", "path": "/v1/batch"}, "timeEpoch": self.plane.ms},
                "body": b64encode(body).decode(),
                "isBase64Encoded": True,
            },
            Context(),
        )
        status: int = answer["statusCode"]
        return status

    # Lambda's side

    def waiting(self, stage: str, shard: int) -> list[dict[str, Any]]:
        if stage in ("identity", "profiles"):
            stream = "events_stream" if stage == "identity" else "profiles_stream"
            records = self.plane.shards[stream, shard]
        elif shard:
            return []
        else:
            records = [record for record in self.plane.tables[_table(stage)] if _wanted(stage, record)]
        return records[self.places[stage, shard].done :]

    def wake(self, stage: str, shard: int, most: int, lives: int | None = None, again: bool = False) -> None:
        """One invocation. `lives`: dies after so many writes. `again`: it succeeds, and its checkpoint is lost."""
        self.plane.follow()
        place = self.places[stage, shard]
        batch = self.waiting(stage, shard)[: min(most, place.most)]
        if not batch:
            return
        self.plane.lives = lives
        try:
            done = _done(batch, _handler(stage)({"Records": batch}, Context()))
        except Died:
            self._forget_worker()
            done = 0
            place.most = max(1, len(batch) // 2)
        finally:
            self.plane.lives = None
        if done == len(batch):
            place.most = 10_000
        if not again:
            place.done += done
        self._note_exits(stage)

    def settle(self) -> None:
        for _ in range(200):
            self.plane.follow()
            pending = [(stage, shard) for stage, shard in self.places if self.waiting(stage, shard)]
            if not pending:
                return
            for stage, shard in pending:
                self.wake(stage, shard, 10_000)
        raise AssertionError("the pipeline does not come to rest")

    def _forget_worker(self) -> None:
        """A new worker knows nothing of what the dead one remembered."""
        identity.known = type(identity.known)()
        definitions.loaded.clear()

    def _note_exits(self, stage: str) -> None:
        if stage != "changes":
            return
        table = aws.setting("ACTIVATION_TABLE")
        for profile in self.profile_ids():
            partition = outbox.partition(self.space, f"des-{self.space}", profile)
            found = dynamo.query(
                table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
                ConsistentRead=True,
            )
            keys = [(profile, item["sk"]["S"]) for item in found]
            for pending in outbox.read(self.space, f"des-{self.space}", keys) if keys else ():
                if pending.change.value is False:
                    self.exits.append(pending.change)

    # what came out

    def profile_ids(self) -> set[str]:
        items = self.plane.tables["profiles_table"]
        keys = [record["dynamodb"]["Keys"] for record in items]
        return {key["pk"]["S"].split("#")[2] for key in keys if key["sk"]["S"] == "profile"}

    def profiles(self) -> dict[str, Profile]:
        found = profiles.read_many((self.space, profile) for profile in self.profile_ids())
        return {stored.profile.id: stored.profile for stored in found.values()}

    def living(self) -> list[Profile]:
        return [profile for profile in self.profiles().values() if not profile.merged_into]

    def profile_of(self, kind: str, value: str) -> str | None:
        return graph.find_profile(self.space, "users", kind, value)

    def size_of(self, audience: str) -> int:
        return members.counts(self.space, audience).size


def _handler(stage: str) -> Any:
    module = {"identity": identity, "merges": merges, "profiles": profiles_handler, "changes": changes}[stage]
    return module.handle


def _table(stage: str) -> str:
    return "identity_table" if stage == "merges" else "profiles_table"


def _wanted(stage: str, record: dict[str, Any]) -> bool:
    """The filters of the two mappings, as the template says them."""
    if stage == "changes":
        sk: str = record["dynamodb"]["Keys"]["sk"]["S"]
        return sk == "profile" or sk.startswith("link#")
    kind = record["dynamodb"].get("NewImage", {}).get("kind", {}).get("S")
    return record["eventName"] == "INSERT" and kind == "merge"


def _done(batch: list[dict[str, Any]], answer: dict[str, Any]) -> int:
    """How many records at the front of the batch are checkpointed, given ReportBatchItemFailures."""
    failed: Iterable[str] = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    places = [place for place, record in enumerate(batch) if _sequence(record) in failed]
    return min(places, default=len(batch))


def _sequence(record: dict[str, Any]) -> str:
    found: str = (record.get("kinesis") or {}).get("sequenceNumber") or record["dynamodb"]["SequenceNumber"]
    return found
