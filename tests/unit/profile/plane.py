"""The AWS calls that the profiles room makes, in memory: fast enough for thousands of histories, and mortal on request.

Every single write (an item of a batch, a record, an object) counts down `lives`; at zero the caller dies there, with
all that came before written. What AWS checks about a request is checked here too.
"""

import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError

import personas.aws
from personas import clock, cooling
from personas.core.compute import splitting
from personas.core.compute.splitting import LIMITS, Limits
from personas.core.lanes import lane_of_key
from personas.stores import cold
from tests.unit.profile import expressions

Item = dict[str, Any]
TABLES = ("CONTROL_TABLE", "IDENTITY_TABLE", "PROFILES_TABLE")
SETTINGS = {
    **{name: name.lower() for name in TABLES},
    "PROFILES_STREAM": "profiles",
    "ARCHIVE_BUCKET": "archive",
    "WORK_BUCKET": "work",
    "DEAD_LETTERS_BUCKET": "dead",
    "BACKFILL_MACHINE": "arn:aws:states:us-east-1:000000000000:stateMachine:backfill",
}
FIRST_SEQUENCE = 49590338271490256608559692538361571095921575989136588898


class Died(Exception):
    """The worker is gone, in the middle of what it did."""


class Plane:
    """One object stands for the clients of all services."""

    def __init__(self) -> None:
        self.lives: int | None = None
        self.refuse: Callable[[], bool] = lambda: False
        """Whether Kinesis refuses the next record."""
        self.writes = 0
        self.tables: dict[str, dict[tuple[str, str], Item]] = defaultdict(dict)
        self.images: list[tuple[Item | None, Item]] = []
        """What the table's change stream says of `profile` items: old and new."""
        self.changed: list[tuple[Item | None, Item]] = []
        """And what it says of these and of links."""
        self.merges: list[Item] = []
        """The facts of merges, as the identity table's change stream says them."""
        self.lanes: dict[int, list[tuple[int, str, bytes]]] = defaultdict(list)
        self.objects: dict[tuple[str, str], bytes] = {}
        self.fetched: list[tuple[str, bytes]] = []
        """What was got of which object."""
        self.knows_ranges = True
        """What stands in for S3 may answer with the whole object where a part is asked for."""
        self.versions: dict[tuple[str, str, str], bytes] = {}
        """Of the objects, also those that were replaced or deleted."""
        self.latest: dict[tuple[str, str], str] = {}
        self.between_pages: Callable[[], None] = lambda: None
        """What happens while somebody lists a bucket, one key a page."""
        self.started: list[dict[str, Any]] = []
        """The inputs of the workflows that were started."""
        self._sequence = FIRST_SEQUENCE
        self._ids = 0

    def new_id(self, _size: int = 16) -> str:
        """Ids that a replay of the history repeats, so that hypothesis can shrink it."""
        self._ids += 1
        return f"{self._ids:022d}"

    def _write(self) -> None:
        if self.lives is not None:
            self.lives -= 1
            if self.lives < 0:
                raise Died
        self.writes += 1

    def _put(self, table: str, item: Item) -> None:
        self._write()
        self._place(table, item)

    def _place(self, table: str, item: Item) -> None:
        key = (item["pk"]["S"], item["sk"]["S"])
        assert sum(len(str(part)) for part in item["data"].values()) < 1_600_000 if "data" in item else True
        if key[1] == "profile":
            self.images.append((self.tables[table].get(key), item))
        if item.get("kind") == {"S": "merge"} and key not in self.tables[table]:
            self.merges.append(item)
        if key[1] == "profile" or key[1].startswith("link#"):
            self.changed.append((self.tables[table].get(key), item))
        self.tables[table][key] = item

    # DynamoDB

    def batch_get_item(self, RequestItems: Item) -> Item:  # noqa: N803 - AWS's names
        found: dict[str, list[Item]] = {}
        for table, request in RequestItems.items():
            keys = [(key["pk"]["S"], key["sk"]["S"]) for key in request["Keys"]]
            assert 0 < len(set(keys)) == len(keys) <= 100, "1 to 100 distinct keys"
            found[table] = [self.tables[table][key] for key in keys if key in self.tables[table]]
        return {"Responses": found, "UnprocessedKeys": {}}

    def batch_write_item(self, RequestItems: Item) -> Item:  # noqa: N803
        for table, requests in RequestItems.items():
            entries = [entry.get("PutRequest", entry.get("DeleteRequest")) for entry in requests]
            keys = [
                (key["pk"]["S"], key["sk"]["S"]) for entry in entries for key in (entry.get("Item") or entry["Key"],)
            ]
            assert 0 < len(set(keys)) == len(keys) <= 25, "1 to 25 distinct items"
            for key, entry in zip(keys, entries, strict=True):
                if "Item" in entry:
                    self._put(table, entry["Item"])
                else:
                    self._write()
                    self.tables[table].pop(key, None)
        return {"UnprocessedItems": {}}

    def get_item(self, TableName: str, Key: Item, **_: Any) -> Item:  # noqa: N803
        item = self.tables[TableName].get((Key["pk"]["S"], Key["sk"]["S"]))
        return {"Item": item} if item else {}

    def put_item(self, TableName: str, Item: Item, **request: Any) -> None:  # noqa: N803
        if not self._as_expected(TableName, Item, **request):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "PutItem")
        self._put(TableName, Item)

    def _as_expected(self, table: str, key: Item, **request: Any) -> bool:
        before = self.tables[table].get((key["pk"]["S"], key["sk"]["S"]), {})
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        return expressions.holds(before, request.get("ConditionExpression", ""), names, values)

    def update_item(self, TableName: str, Key: Item, **request: Any) -> None:  # noqa: N803
        before = self.tables[TableName].get((Key["pk"]["S"], Key["sk"]["S"]), {})
        self._put(TableName, {**Key, **expressions.updated(before, **request)})

    def query(self, TableName: str, KeyConditionExpression: str, **request: Any) -> Item:  # noqa: N803
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        within = {
            "pk = :pk": lambda sk: True,
            "pk = :pk AND begins_with(sk, :prefix)": lambda sk: sk.startswith(values[":prefix"]),
            "pk = :pk AND sk BETWEEN :first AND :last": lambda sk: values[":first"] <= sk <= values[":last"],
        }[KeyConditionExpression]
        keys = sorted(key for key in self.tables[TableName] if key[0] == values[":pk"] and within(key[1]))
        return {"Items": [self.tables[TableName][key] for key in keys[: request.get("Limit")]]}

    def transact_write_items(self, TransactItems: list[Item]) -> None:  # noqa: N803
        assert 0 < len(TransactItems) <= 100, "1 to 100 actions"
        places = [(action["TableName"], _key_of(action)) for each in TransactItems for action in each.values()]
        assert len(set(places)) == len(places), "one action an item"
        self._write()
        met = [self._is_met(**action) for each in TransactItems for action in each.values()]
        if not all(met):
            reasons = [{"Code": "None" if one else "ConditionalCheckFailed"} for one in met]
            refusal: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(refusal, "TransactWriteItems")
        for each in TransactItems:
            for verb, action in each.items():
                self._carry_out(verb, **action)

    def _is_met(self, TableName: str, **action: Any) -> bool:  # noqa: N803
        key = action.pop("Item", None) or action.pop("Key")
        return self._as_expected(TableName, key, **action)

    def _carry_out(self, verb: str, TableName: str, **action: Any) -> None:  # noqa: N803
        if verb == "Put":
            self._place(TableName, action["Item"])
        elif verb == "Delete":
            self.tables[TableName].pop(_key_of(action), None)
        else:
            key = action.pop("Key")
            before = self.tables[TableName].get(_key_of({"Key": key}), {})
            self._place(TableName, {**key, **expressions.updated(before, **action)})

    # Kinesis

    def put_records(self, StreamName: str, Records: list[Item]) -> Item:  # noqa: N803
        assert StreamName == "profiles"
        assert 0 < len(Records) <= 500, "1 to 500 records"
        results = []
        for record in Records:
            assert len(record["Data"]) < 1_000_000, "a record takes 1 MB"
            if self.refuse():
                results.append({"ErrorCode": "ProvisionedThroughputExceededException"})
                continue
            self._write()
            self._sequence += 1
            lane = lane_of_key(record["PartitionKey"])
            self.lanes[lane].append((self._sequence, record["PartitionKey"], record["Data"]))
            results.append({"SequenceNumber": str(self._sequence)})
        return {"FailedRecordCount": sum("ErrorCode" in result for result in results), "Records": results}

    # S3

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        self._write()
        version = self.latest[Bucket, Key] = str(len(self.versions))
        self.objects[Bucket, Key] = self.versions[Bucket, Key, version] = Body

    def delete_objects(self, Bucket: str, Delete: Item) -> Item:  # noqa: N803
        assert 0 < len(Delete["Objects"]) <= 1_000, "1 to 1,000 objects"
        for entry in Delete["Objects"]:
            assert set(entry) == {"Key"}, "of a version nothing would stay readable"
            self._write()
            self.objects.pop((Bucket, entry["Key"]), None)
        return {}

    def get_object(self, Bucket: str, Key: str, VersionId: str | None = None, Range: str = "") -> Item:  # noqa: N803
        body = self.objects[Bucket, Key] if VersionId is None else self.versions[Bucket, Key, VersionId]
        said = {"ContentRange": Range} if Range and self.knows_ranges else {}
        self.fetched.append((Key, body := _ranged(body, Range) if said else body))
        return {"Body": io.BytesIO(body), **said}

    def get_paginator(self, name: str) -> "Plane":
        assert name == "list_object_versions"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[Item]:  # noqa: N803
        """By key, and each page as things are when it is asked for."""
        marker = ""
        while keys := [
            key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix) and key > marker
        ]:
            marker = min(keys)
            version, size = self.latest[Bucket, marker], len(self.objects[Bucket, marker])
            yield {"Versions": [{"Key": marker, "VersionId": version, "Size": size, "IsLatest": True}]}
            self.between_pages()

    # Step Functions

    def start_execution(self, stateMachineArn: str, input: str) -> None:  # noqa: N803 - AWS's names
        assert stateMachineArn == SETTINGS["BACKFILL_MACHINE"]
        self.started.append(json.loads(input))


def _key_of(action: Item) -> tuple[str, str]:
    key = action.get("Item") or action["Key"]
    return key["pk"]["S"], key["sk"]["S"]


class Clock:
    def __init__(self, ms: int) -> None:
        self.ms = ms

    def read(self) -> int:
        return self.ms * 1_000_000


@contextmanager
def installed(plane: Plane, time: Clock, limits: Limits = LIMITS) -> Iterator[None]:
    """Every client is the plane, the clock is the given one, and nobody sleeps. States shed what exceeds `limits`."""
    _forget()
    with (
        patch.dict("os.environ", {**SETTINGS, "AWS_DEFAULT_REGION": "us-east-1"}),
        patch.object(personas.aws.boto3, "client", lambda *_, **__: plane),
        patch.object(clock, "read", time.read),
        patch.object(splitting, "LIMITS", limits),
        patch.object(cooling, "HANDED_OVER", cooling.HANDED_OVER if limits is LIMITS else 0),
        patch("secrets.token_urlsafe", plane.new_id),
        patch("time.sleep", lambda _: None),
    ):
        yield
    _forget()


def _ranged(body: bytes, said: str) -> bytes:
    if not said:
        return body
    first, _, last = said.removeprefix("bytes=").partition("-")
    return body[int(first) : int(last) + 1] if first else body[-int(last) :]


def _forget() -> None:
    personas.aws.client.cache_clear()
    personas.aws.setting.cache_clear()
    cold.remembered.cache_clear()
