"""Batches that were given up, written to the mapping's on-failure target as Lambda writes them.

S3 gets the invocation record and the records themselves; SQS and SNS get the invocation record, which says where in the
stream the records lie (Lambda developer guide, "Retain discarded batch records").
"""

import asyncio
import json
import logging
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import orjson

from personas.local.engine_clock import EngineClock
from personas.local.invocation import Invocation
from personas.local.mapping_settings import MappingSettings
from personas.local.segments import Record
from personas.local.stream_events import Source

TRIES = 5
_log = logging.getLogger("personas.mappings")


@dataclass(frozen=True, slots=True)
class Discard:
    settings: MappingSettings
    source: Source
    records: tuple[Record, ...]
    payload: bytes
    """The event that the function was, or would have been, invoked with."""
    condition: str
    """RetryAttemptsExhausted or RecordAgeExceeded."""
    invocations: int
    invocation: Invocation | None
    """The last one's outcome; None when the records were given up without one."""

    def document(self, now: datetime, function_arn: str) -> dict[str, Any]:
        """The invocation record, without the payload."""
        source, first, last = self.source, self.records[0], self.records[-1]
        response: dict[str, Any] | None = None
        if self.invocation is not None:
            response = {"statusCode": 200, "executedVersion": "$LATEST"}
            if self.invocation.error is not None:
                response["functionError"] = self.invocation.error
        return {
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": function_arn,
                "condition": self.condition,
                "approximateInvokeCount": self.invocations,
            },
            "responseContext": response,
            "version": "1.0",
            "timestamp": _iso(now),
            source.batch_info: {
                "shardId": source.shard_id,
                "startSequenceNumber": source.sequence_number(first.number),
                "endSequenceNumber": source.sequence_number(last.number),
                "approximateArrivalOfFirstRecord": _iso(_moment(first.arrived_ms)),
                "approximateArrivalOfLastRecord": _iso(_moment(last.arrived_ms)),
                "batchSize": len(self.records),
                "streamArn": source.arn,
            },
        }

    def key(self, now: datetime) -> str:
        """The S3 key; no two are the same."""
        place = f"aws/lambda/{self.settings.uuid}/{self.source.shard_id}"
        return f"{place}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"


class Discards:
    def __init__(self, aws_endpoint: str, clock: EngineClock, region: str, account: str) -> None:
        self._endpoint, self._clock, self._region, self._account = aws_endpoint, clock, region, account

    async def keep(self, discard: Discard) -> None:
        """Write it to the target, if there is one. A target that goes on refusing loses the record, as on AWS."""
        settings = discard.settings
        _log.error(
            "%s gave up %d records: %s: %s",
            settings.function,
            len(discard.records),
            discard.condition,
            discard.invocation.payload[:1_000].decode(errors="replace") if discard.invocation else "not invoked",
        )
        if settings.on_failure is None:
            return
        for attempt in range(TRIES):
            try:
                await asyncio.to_thread(self._send, settings.on_failure, discard)
            except Exception:  # noqa: BLE001 - whatever boto3 raises, another try may help
                _log.exception("%s: the on-failure target %s refused", settings.id, settings.on_failure)
                await asyncio.sleep(0.1 * 2**attempt * (0.5 + secrets.randbelow(500) / 1_000))
            else:
                return

    def _send(self, target: str, discard: Discard) -> None:
        now = _moment(self._clock.now_ms())
        arn = f"arn:aws:lambda:{self._region}:{self._account}:function:{discard.settings.function}"
        document = discard.document(now, arn)
        _, _, service, _, account, resource = target.split(":", 5)
        if service == "s3":
            document["payload"] = discard.payload.decode()
            self._client("s3").put_object(Bucket=resource, Key=discard.key(now), Body=orjson.dumps(document))
        elif service == "sqs":
            url = self._client("sqs").get_queue_url(QueueName=resource, QueueOwnerAWSAccountId=account)["QueueUrl"]
            self._client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(document))
        else:
            self._client("sns").publish(TopicArn=target, Message=json.dumps(document))

    def _client(self, service: str) -> Any:
        return self._session.client(
            service,
            endpoint_url=self._endpoint,
            region_name=self._region,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    @cached_property
    def _session(self) -> Any:
        import boto3  # takes a while, and most runs give nothing up

        return boto3.Session()


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1_000, UTC)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1_000:03d}Z"
