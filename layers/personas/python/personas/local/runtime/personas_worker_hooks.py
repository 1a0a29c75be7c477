"""Faults that happen inside a worker: at the n-th AWS write of an invocation, on a transaction, on a poisoned argument.

Only a worker that was prepared for them loads this file; no handler's code is touched on disk or knows of it.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.client import ClientCreator

DEATH_STATUS = 97
_WRITES = {
    "dynamodb": {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"},
    "kinesis": {"PutRecord", "PutRecords"},
    "s3": {"PutObject", "DeleteObject", "DeleteObjects", "CopyObject", "CompleteMultipartUpload"},
    "sqs": {"SendMessage", "SendMessageBatch", "DeleteMessage", "DeleteMessageBatch"},
    "sns": {"Publish", "PublishBatch"},
    "events": {"PutEvents"},
    "lambda": {"Invoke"},
    "stepfunctions": {"StartExecution"},
    "secretsmanager": {"CreateSecret", "PutSecretValue", "UpdateSecret", "DeleteSecret"},
}
_OK = 300


class Hooks:
    def __init__(self, prepare: dict[str, Any]) -> None:
        self._told: dict[str, Any] = {}
        self._writes = self._conflicts = self._poisoned = 0
        if prepare.get("watch"):
            self._watch_clients()
        if "poison" in prepare:
            self._poison(**prepare["poison"])

    def begin(self, told: dict[str, Any]) -> None:
        """A new invocation, with the faults that it is told of."""
        self._told, self._writes, self._conflicts, self._poisoned = told, 0, 0, 0

    def happened(self) -> dict[str, int]:
        return {"transactions": self._conflicts, "poison": self._poisoned}

    def _watch_clients(self) -> None:
        create, hooks = ClientCreator.create_client, self

        def create_client(creator: ClientCreator, *arguments: Any, **named: Any) -> Any:
            client = create(creator, *arguments, **named)
            hooks._register(client)
            return client

        ClientCreator.create_client = create_client

    def _register(self, client: Any) -> None:
        service = client.meta.service_model.service_id.hyphenize()
        writes = _WRITES.get(service.replace("-", ""), _WRITES.get(service, set()))
        for operation in sorted(writes):
            client.meta.events.register(f"before-call.{service}.{operation}", self._before_write)
            client.meta.events.register(f"after-call.{service}.{operation}", self._after_write)
        if service == "dynamodb":
            client.meta.events.register("before-send.dynamodb.TransactWriteItems", self._conflict)

    def _before_write(self, **_: Any) -> None:
        if self._told.get("die", {}).get("before_write") == self._writes + 1:
            _die()

    def _after_write(self, http_response: Any, **_: Any) -> None:
        if http_response.status_code >= _OK:
            return
        self._writes += 1
        if self._told.get("die", {}).get("after_write") == self._writes:
            _die()

    def _conflict(self, request: Any, **_: Any) -> "_Answer | None":
        if self._conflicts >= self._told.get("transactions", 0):
            return None
        self._conflicts += 1
        items = json.loads(request.body)["TransactItems"]
        reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}]
        reasons += [{"Code": "None"} for _ in items[1:]]
        codes = ", ".join(reason["Code"] for reason in reasons)
        answer = {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
            "CancellationReasons": reasons,
        }
        return _Answer(request.url, json.dumps(answer).encode())

    def _poison(self, at: str, text: str) -> None:
        module_name, _, path = at.partition(":")
        owner: Any = importlib.import_module(module_name)
        *holders, name = path.split(".")
        for holder in holders:
            owner = getattr(owner, holder)
        found = owner.__dict__[name]
        wraps: dict[type, Callable[[Any], Any]] = {staticmethod: staticmethod, classmethod: classmethod}
        wrap = wraps.get(type(found), lambda function: function)
        original = found.__func__ if isinstance(found, staticmethod | classmethod) else found

        def poisoned(*arguments: Any, **named: Any) -> Any:
            if text in repr((arguments, named)):
                self._poisoned += 1
                raise RuntimeError(f"poisoned: {at} was called with {text}")
            return original(*arguments, **named)

        setattr(owner, name, wrap(poisoned))


class _Answer(AWSResponse):  # type: ignore[misc]
    """An answer that no server gave."""

    def __init__(self, url: str, body: bytes) -> None:
        headers = {"content-type": "application/x-amz-json-1.0", "x-amzn-requestid": "fault"}
        super().__init__(url, 400, headers, None)
        self._content = body


def _die() -> None:
    sys.stdout.flush()
    os._exit(DEATH_STATUS)
