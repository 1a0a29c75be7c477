"""A world for identity: tables and streams behind an endpoint of AWS, and the real handlers, called as Lambda does."""

import base64
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

from functions.identity import handler as identity
from functions.merges import handler as merges
from personas import aws, clock, events_stream, profiles_stream
from personas.core.envelope import Envelope, EventEnvelope, MergeEnvelope
from personas.core.event import Event
from personas.core.identity.known import Known
from personas.core.identity.rules import Rules
from personas.core.moments import iso
from personas.core.workspace import Space
from personas.stores import graph, identity_rules, spaces

NOW = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""

TABLES = ("CONTROL_TABLE", "IDENTITY_TABLE")
DELIVERIES = 50

_numbers = itertools.count(1)


def settings(run: str) -> dict[str, str]:
    """The environment of the functions; names of their own keep runs apart."""
    names = (*TABLES, "EVENTS_STREAM", "PROFILES_STREAM", "DEAD_LETTERS_BUCKET")
    return {name: f"{name.lower().replace('_', '-')}-{run}" for name in names}


def build(environment: dict[str, str]) -> None:
    """Creates what the environment names."""
    forget()
    dynamodb = boto3.client("dynamodb")
    for name in TABLES:
        dynamodb.create_table(
            TableName=environment[name],
            AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
    boto3.client("kinesis").create_stream(StreamName=environment["PROFILES_STREAM"], ShardCount=1)
    boto3.client("s3").create_bucket(Bucket=environment["DEAD_LETTERS_BUCKET"])


def forget() -> None:
    """As a cold start does."""
    aws.client.cache_clear()
    aws.setting.cache_clear()
    identity_rules.load.cache_clear()
    forget_known()


def forget_known() -> None:
    """As another worker knows nothing yet."""
    identity.known = Known()


def make_space(space: str = "sp1", rules: Rules | None = None) -> None:
    spaces.create(Space(space, space, space, NOW))
    if rules:
        identity_rules.save(space, rules)


def event(body: dict[str, Any], *, space: str = "sp1", at: int = NOW, received: int = NOW) -> Event:
    stamped = {"type": "track", "messageId": f"m{next(_numbers)}", "timestamp": iso(at), **body}
    if stamped["type"] == "track":
        stamped.setdefault("event", "Seen")
    return Event(space, "src1", at, received, stamped)


@dataclass
class Context:
    """Lambda's, with as much time left as the test wants."""

    ms: int = 60_000
    per_look: int = 0

    def get_remaining_time_in_millis(self) -> int:
        self.ms -= self.per_look
        return self.ms


def batch(*records: Sequence[Event]) -> dict[str, Any]:
    """A batch of the events stream, each record with the events given."""
    encoded = [events_stream.events_records(events) for events in records]
    data = [record.data for parts in encoded for record in parts]
    return {
        "Records": [
            {
                "kinesis": {"data": base64.b64encode(one).decode(), "sequenceNumber": str(place)},
                "eventSource": "aws:kinesis",
            }
            for place, one in enumerate(data)
        ]
    }


def deliver(*records: Sequence[Event], context: Context | None = None) -> None:
    """As Lambda does: what failed comes again from its record on."""
    waiting = batch(*records)["Records"]
    for _ in range(DELIVERIES):
        answer = identity.handle({"Records": waiting}, context or Context())
        failures = answer["batchItemFailures"]
        if not failures:
            return
        sequences = [record["kinesis"]["sequenceNumber"] for record in waiting]
        waiting = waiting[sequences.index(failures[0]["itemIdentifier"]) :]
    raise AssertionError(f"still failing after {DELIVERIES} deliveries")


def send(*events: Event) -> None:
    """Each in a record of its own, in one batch."""
    deliver(*[[one] for one in events])


def announce_merges() -> None:
    """What the table's stream would wake the merges function with; twice, as it may."""
    images = [
        {"dynamodb": {"NewImage": item}} for item in items("IDENTITY_TABLE") if item.get("kind", {}).get("S") == "merge"
    ]
    for _ in range(2):
        merges.handle({"Records": json.loads(json.dumps(images, default=str))}, None)


def items(table: str) -> list[dict[str, Any]]:
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=aws.setting(table), ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def envelopes() -> list[Envelope]:
    """All that the profiles stream holds, in order."""
    kinesis = boto3.client("kinesis")
    stream = aws.setting("PROFILES_STREAM")
    found: list[Envelope] = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            answer = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
            if not answer["Records"]:
                break
            found += [one for record in answer["Records"] for one in profiles_stream.read_envelopes(record["Data"])]
            iterator = answer["NextShardIterator"]
    return found


def resolved() -> list[EventEnvelope]:
    return [one for one in envelopes() if isinstance(one, EventEnvelope)]


def announced() -> list[MergeEnvelope]:
    return [one for one in envelopes() if isinstance(one, MergeEnvelope)]


def ids_of(space: str, profile: str) -> list[str]:
    return sorted(f"{one.type}:{one.id}" for one in graph.identifiers(space, profile))


def partition(space: str, wanted: Iterable[tuple[str, str]]) -> set[frozenset[tuple[str, str]]]:
    """Which identifiers lead to one profile each."""
    sets: dict[str, set[tuple[str, str]]] = {}
    for kind, value in wanted:
        profile = graph.find_profile(space, "users", kind, value)
        if profile:
            sets.setdefault(profile, set()).add((kind, value))
    return {frozenset(members) for members in sets.values()}


def stand_still(monkeypatch: Any, at: int = NOW) -> None:
    monkeypatch.setattr(clock, "read", lambda: at * 1_000_000)


def moments(start: int = NOW, step: int = 1_000) -> Iterator[int]:
    return itertools.count(start, step)
