"""What the change streams of moto's tables would bring, found by comparing, and handed to the archive's functions."""

import json
from base64 import b64encode
from typing import Any

import boto3

from functions.archive import identity, traits
from personas.aws import setting

Item = dict[str, Any]
Seen = dict[tuple[str, str], Item]
"""Items by their key."""


class ChangeStreams:
    def __init__(self, moment: Any) -> None:
        self._moment = moment
        self._seen: dict[str, Seen] = {"IDENTITY_TABLE": {}, "PROFILES_TABLE": {}}

    def run(self) -> None:
        """Hand over what changed since the last time, filtered as the stream mappings do."""
        facts = [
            change
            for change in self._changes("IDENTITY_TABLE")
            if "OldImage" not in change
            and change["NewImage"].get("kind", {}).get("S") in ("identifier", "merge", "unmerge")
        ]
        profiles = [change for change in self._changes("PROFILES_TABLE") if change["Keys"]["sk"]["S"] == "profile"]
        for handler, changes in ((identity, facts), (traits, profiles)):
            if changes:
                handler.handle({"Records": [{"dynamodb": change} for change in changes]}, None)

    def _changes(self, table: str) -> list[Item]:
        found, self._seen[table] = changes_of(table, self._seen[table], self._moment.ms)
        return found


def changes_of(table: str, before: Seen, now_ms: int) -> tuple[list[Item], Seen]:
    """What is not as it was before, and how all is now."""
    found = []
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=setting(table))
    now = {_key(item): _as_lambda_does(item) for page in pages for item in page["Items"]}
    for key, item in now.items():
        if before.get(key) != item:
            change: Item = {
                "ApproximateCreationDateTime": now_ms // 1000,
                "Keys": {"pk": item["pk"], "sk": item["sk"]},
                "NewImage": item,
            }
            found.append(change | ({"OldImage": before[key]} if key in before else {}))
    return found, now


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _as_lambda_does(item: Item) -> Item:
    return dict(json.loads(json.dumps(item, default=lambda value: b64encode(bytes(value)).decode())))
