"""Backfill runs: `{space}#backfill` / `run`, one item a space, which outlives its runs.

Invariant: only who holds the lease changes the item. The lease ends by itself, and each step renews it.
"""

from typing import Any

from botocore.exceptions import ClientError

from personas import documents
from personas.aws import client
from personas.core.backfill.run import LEASE, Run

_FREE = "attribute_not_exists(#run) OR #until < :now"
_MINE = "#run = :run"
_NAMES = ("run", "until", "begun", "version", "shards", "done", "spread")


def partition(space: str) -> str:
    return f"{space}#backfill"


def get(space: str) -> Run:
    """Read consistently. A space that had no run yet has one that was never begun."""
    item = documents.get_item(partition(space), "run") or {}
    return Run(
        space,
        item.get("run", {}).get("S", ""),
        _number(item, "until"),
        _number(item, "begun"),
        _number(item, "version"),
        _number(item, "shards"),
        frozenset(int(number) for number in item.get("done", {}).get("NS", ())),
        _number(item, "spread"),
    )


def claim(space: str, run: str, now: int) -> bool:
    """Take the lease; False while another run has it. Idempotent."""
    return _update(space, run, f"{_FREE} OR {_MINE}", "SET #run = :run, #until = :until", {":now": now}, now)


def begin(space: str, run: str, version: int, now: int) -> bool:
    """What the run is about; nothing is done yet. Idempotent. False where the lease was lost, as below."""
    said = "SET #until = :until, #begun = :now, #version = :version REMOVE #shards, #done"
    return _update(space, run, _MINE, said, {":version": version, ":now": now}, now)


def renew(space: str, run: str, now: int) -> bool:
    """Idempotent."""
    return _update(space, run, _MINE, "SET #until = :until", {}, now)


def planned(space: str, run: str, shards: int, now: int) -> bool:
    """Idempotent."""
    return _update(space, run, _MINE, "SET #until = :until, #shards = :shards", {":shards": shards}, now)


def folded(space: str, run: str, shard: int, now: int) -> bool:
    """One shard is done. Idempotent."""
    values = {":done": {"NS": [str(shard)]}}
    return _update(space, run, _MINE, "SET #until = :until ADD #done :done", values, now)


def spread(space: str, run: str, version: int, now: int) -> bool:
    """Every profile was evaluated with the version. Idempotent."""
    said = "SET #until = :until, #spread = :version REMOVE #version, #shards, #done"
    return _update(space, run, _MINE, said, {":version": version}, now)


def release(space: str, run: str) -> bool:
    """Give the lease back. Idempotent; False where it was lost."""
    said = "REMOVE #run, #until, #version, #shards, #done"
    return _update(space, run, _MINE, said, {}, None)


def _update(space: str, run: str, condition: str, said: str, values: dict[str, Any], now: int | None) -> bool:
    given = {name: value if isinstance(value, dict) else {"N": str(value)} for name, value in values.items()}
    if now is not None:
        given[":until"] = {"N": str(now + LEASE)}
    try:
        client("dynamodb").update_item(
            TableName=documents.table(),
            Key=documents.key(partition(space), "run"),
            UpdateExpression=said,
            ConditionExpression=condition,
            ExpressionAttributeNames={f"#{name}": name for name in _NAMES if f"#{name}" in condition + said},
            ExpressionAttributeValues={**given, ":run": {"S": run}},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def _number(item: dict[str, Any], name: str) -> int:
    return int(item[name]["N"]) if name in item else 0
