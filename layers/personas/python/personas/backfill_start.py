"""Starting a backfill: when somebody saved something, and when the hourly recompute finds that nobody did."""

import orjson

from personas.aws import client, setting


def start(space: str, run: str) -> None:
    """Have a run look at what is pending, now or once the run that is under way is through. Raises ClientError."""
    client("stepfunctions").start_execution(
        stateMachineArn=setting("BACKFILL_MACHINE"),
        input=orjson.dumps({"space": space, "run": run, "step": "begin"}).decode(),
    )
