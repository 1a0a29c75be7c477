"""A mapping of an SQS queue to a function. What fails stays in the queue until it is visible again; the queue's own
redrive policy moves it on."""

import asyncio
import contextlib
import logging
import time
from typing import Any

import aiohttp
import orjson

from personas.local.batch_outcome import failed_identifiers
from personas.local.emulator_client import EmulatorClient, EmulatorRefused
from personas.local.faults import Faults
from personas.local.invocation import Invoke
from personas.local.mapping_settings import MappingSettings
from personas.local.stream_events import payload
from personas.local.stream_lane import Counts, Pace

_MOST_A_CALL = 10
_LONG_POLL_S = 1
_AFTER_TROUBLE_S = 1.0
_log = logging.getLogger("personas.mappings")
Message = dict[str, Any]


class QueueMapping:
    def __init__(
        self, settings: MappingSettings, emulator: EmulatorClient, *, invoke: Invoke, faults: Faults, pace: Pace
    ) -> None:
        self.settings = settings
        self._emulator, self._invoke, self._faults, self._pace = emulator, invoke, faults, pace
        self._url = ""
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._busy = 0
        self.counts = Counts()

    def start(self) -> None:
        if self.settings.enabled:
            name = self.settings.id
            self._tasks = [
                asyncio.create_task(self._run(), name=f"mapping {name}") for _ in range(self.settings.parallel)
            ]

    async def stop(self) -> None:
        """Wait for what is in flight; the rest stays in the queue."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    def wake(self) -> None:
        """The windows of queues are short polls, which end by themselves."""

    async def pending(self) -> list[str]:
        if not self.settings.enabled:
            return []
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        request = {"QueueUrl": await self._queue(), "AttributeNames": names}
        attributes = (await self._emulator.sqs("GetQueueAttributes", request)).get("Attributes", {})
        count = sum(int(attributes.get(name, 0)) for name in names)
        return (
            [f"mapping {self.settings.id}: {count} messages for {self.settings.function}"]
            if count or self._busy
            else []
        )

    def status(self) -> dict[str, Any]:
        return {
            "id": self.settings.id,
            "source": self.settings.source_arn,
            "function": self.settings.function,
            "enabled": self.settings.enabled,
            "batches": self.counts.batches,
            "records": self.counts.records,
            "failures": self.counts.failures,
        }

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                messages = await self._receive()
                if messages:
                    self._busy += 1
                    try:
                        await self._work_off(messages)
                    finally:
                        self._busy -= 1
            except (EmulatorRefused, aiohttp.ClientError, TimeoutError) as error:
                _log.warning("%s: the queue cannot be read right now: %s", self.settings.id, error)
                await asyncio.sleep(_AFTER_TROUBLE_S)

    async def _receive(self) -> list[Message]:
        """A batch: until it is full, or its first message has waited for the window."""
        messages: list[Message] = []
        ends = float("inf")
        while not self._stopping.is_set() and len(messages) < self.settings.batch_size:
            if messages and (self._pace.hurry or time.monotonic() >= ends):
                break
            request = {
                "QueueUrl": await self._queue(),
                "MaxNumberOfMessages": min(_MOST_A_CALL, self.settings.batch_size - len(messages)),
                "WaitTimeSeconds": 0 if messages else _LONG_POLL_S,
                "MessageSystemAttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            }
            more = (await self._emulator.sqs("ReceiveMessage", request)).get("Messages") or []
            if more and not messages:
                ends = time.monotonic() + self.settings.window_s
            messages += more
            if messages and not more:
                await asyncio.sleep(min(0.1, max(0.0, ends - time.monotonic())))
        return messages

    async def _work_off(self, messages: list[Message]) -> None:
        wanted = [message for message in messages if self._passes(message)]
        await self._delete([message for message in messages if message not in wanted])
        if not wanted:
            return
        self.counts.batches += 1
        self.counts.records += len(wanted)
        failed = await self._deliver(wanted)
        self.counts.failures += bool(failed)
        await self._delete([message for message in wanted if message["MessageId"] not in failed])

    async def _deliver(self, messages: list[Message]) -> set[str]:
        """The ids of messages that failed."""
        settings, everything = self.settings, {message["MessageId"] for message in messages}
        body = payload([orjson.dumps(queue_event(message, settings.source_arn)) for message in messages])
        failing = self._faults.failing(settings.function)
        if failing == "before":
            return everything
        for _ in range(1 + self._faults.redelivers(settings.function)):
            invocation = await self._invoke(settings.function, body)
        if failing or invocation.error is not None:
            return everything
        if not settings.partial_failures:
            return set()
        named = failed_identifiers(invocation.payload)
        return everything if named is None or not named <= everything else named

    def _passes(self, message: Message) -> bool:
        filters = self.settings.filters
        if not filters:
            return True
        event = queue_event(message, self.settings.source_arn)
        if filters.reads("body"):
            with contextlib.suppress(orjson.JSONDecodeError):  # patterns of plain strings see the text itself
                event["body"] = orjson.loads(message["Body"])
        return filters.match(event)

    async def _delete(self, messages: list[Message]) -> None:
        for start in range(0, len(messages), _MOST_A_CALL):
            chunk = messages[start : start + _MOST_A_CALL]
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(chunk)]
            await self._emulator.sqs("DeleteMessageBatch", {"QueueUrl": await self._queue(), "Entries": entries})

    async def _queue(self) -> str:
        if not self._url:
            name = self.settings.source_arn.rpartition(":")[2]
            self._url = (await self._emulator.sqs("GetQueueUrl", {"QueueName": name}))["QueueUrl"]
        return self._url


def queue_event(message: Message, arn: str) -> dict[str, Any]:
    """A message as Lambda's event has it."""
    attributes = {
        name: {
            **{key: value[given] for key, given in _VALUES.items() if given in value},
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in (message.get("MessageAttributes") or {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes") or {},
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": arn.split(":")[3],
    }


_VALUES = {"stringValue": "StringValue", "binaryValue": "BinaryValue"}
