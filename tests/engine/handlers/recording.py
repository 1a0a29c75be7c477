"""Handlers for the tests of the engine: what they see they append to the file SEEN, one JSON document a line."""

import json
import os
import sys
import time
from base64 import b64decode


def handle(event, context):
    """Notes the batch; fails as its records' texts say."""
    texts = [_text(record) for record in event["Records"]]
    _note(texts)
    if any(text.startswith("slow") for text in texts):
        time.sleep(0.3)
    if any(text.startswith("exit") for text in texts):
        sys.exit(3)
    if any(text.startswith("bad") for text in texts):
        raise ValueError(f"bad record among {len(texts)}")


def report(event, context):
    """Reports the first record that begins with "bad" as failed."""
    texts = [_text(record) for record in event["Records"]]
    _note(texts)
    for record, text in zip(event["Records"], texts, strict=True):
        if text.startswith("bad"):
            return {"batchItemFailures": [{"itemIdentifier": _identifier(record)}]}
    return {"batchItemFailures": []}


def report_all_bad(event, context):
    """Reports every bad record, the last first."""
    texts = [_text(record) for record in event["Records"]]
    _note(texts)
    bad = [_identifier(r) for r, text in zip(event["Records"], texts, strict=True) if text.startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in reversed(bad)]}


def answer(event, context):
    """Answers with what the environment says, whatever comes."""
    _note([_text(record) for record in event["Records"]])
    return json.loads(os.environ["ANSWER"])


def keep(event, context):
    """Notes the events as they are."""
    _note(event)


def _text(record):
    if "kinesis" in record:
        return b64decode(record["kinesis"]["data"]).decode()
    if "body" in record:
        return record["body"]
    return record["dynamodb"]["Keys"]["pk"]["S"]


def _identifier(record):
    if "kinesis" in record:
        return record["kinesis"]["sequenceNumber"]
    return record.get("messageId") or record["dynamodb"]["SequenceNumber"]


def _note(seen):
    with open(os.environ["SEEN"], "a") as file:
        file.write(json.dumps(seen) + "\n")
