"""A discarded batch is what Lambda gave up of a stream: an invocation record, in S3 with the event that the function
was given under `payload`, as text (Lambda developer guide, "Retain discarded batch records").

>>> batch = DiscardedBatch.of_data({
...     "requestContext": {"functionArn": "arn:aws:lambda:eu-west-1:1:function:personas-dev-profiles"},
...     "KinesisBatchInfo": {"streamArn": "arn:aws:kinesis:eu-west-1:1:stream/Profiles"},
...     "payload": '{"Records": []}',
... })
>>> batch.stage, batch.stream, batch.records
('profiles', 'Profiles', ())
"""

from dataclasses import dataclass
from typing import Any

import orjson

from personas.core.errors import PersonasError


class RecordsMissing(PersonasError):
    """The invocation record says only where in the stream the records lay."""


@dataclass(frozen=True, slots=True)
class DiscardedBatch:
    function: str
    """The ARN of the function that could not handle it."""
    source: str
    """The ARN of the Kinesis stream or of the table's stream."""
    records: tuple[dict[str, Any], ...]
    """As the function was given them."""

    @property
    def stage(self) -> str:
        """The function's own name, such as `profiles`: its name on AWS says the stage of the deployment before it."""
        return self.function.split(":")[6].rpartition("-")[2]

    @property
    def stream(self) -> str | None:
        """The name of the Kinesis stream; None for the stream of a table, to which nothing can be put."""
        service, _, resource = self.source.split(":", 2)[2].partition(":")
        return resource.rpartition("/")[2] if service == "kinesis" else None

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> "DiscardedBatch":
        """Raises RecordsMissing."""
        info = data.get("KinesisBatchInfo") or data["DDBStreamBatchInfo"]
        if "payload" not in data:
            raise RecordsMissing(f"{info['batchSize']} records of {info['streamArn']} were not kept with their batch")
        records = orjson.loads(data["payload"])["Records"]
        return cls(data["requestContext"]["functionArn"], info["streamArn"], tuple(records))
