"""Tracking API → ingest → events stream."""

from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from infra import grants
from infra.http_api import ANY_BROWSER, ThrottledApi
from infra.shared import Shared


class Ingestion(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        storage, streams = shared.storage, shared.streams
        self.ingest = shared.function(
            self,
            "Ingest",
            name="ingest",
            source="ingest",
            memory_mb=1024,
            timeout_seconds=20,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "EVENTS_STREAM": streams.events.stream_name,
            },
        )
        grants.use_table(self.ingest, storage.control_table, "GetItem", "BatchGetItem", "PutItem", "UpdateItem")
        grants.put_records(self.ingest, streams.events)

        self.api = ThrottledApi(
            self,
            "Tracking",
            settings=shared.settings,
            key=storage.key,
            name="tracking",
            description="Segment's HTTP Tracking API",
            function=self.ingest,
            routes=[
                ("/v1/{call}", apigateway.HttpMethod.POST),
                ("/v1/projects/{writeKey}/settings", apigateway.HttpMethod.GET),
            ],
            requests_per_second=2000,
            cors=ANY_BROWSER,
        )
