"""The logs of the archive that are written from tables' change streams, and what happens to all logs every night:
archive-plan → a Map over the days that are to be compacted, shard by shard (archive-compact) → archive-catalogue.

A shard that fails leaves its day as it is: the next night begins it again, and the function's error alarm tells.
"""

import json
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import grants, stream_mapping
from infra.catalogue import Catalogue
from infra.function import Function
from infra.shared import Shared
from infra.workflow import Workflow, call, each

_WINDOW_SECONDS = 240
"""How long records wait for more: every object that is written is a request to pay, and a file that each query opens
until the night makes them one. Nobody waits for these logs; but a lone record that has waited must be younger than what
a reader's alarm calls late (monitoring.py)."""
_BATCH = 10_000
"""The largest that Lambda takes; in fact a batch ends at 6 MB."""


class Archive(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        storage = shared.storage
        self.identity = self._log(
            shared,
            "Identity",
            table=storage.identity_table,
            pattern={
                "eventName": ["INSERT"],
                "dynamodb": {"NewImage": {"kind": {"S": ["identifier", "merge", "unmerge"]}}},
            },
        )
        self.traits = self._log(
            shared,
            "Traits",
            table=storage.profiles_table,
            pattern={"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"sk": {"S": ["profile"]}}}},
        )
        self._plan(shared)
        self._compact(shared)
        self.catalogue = Catalogue(self, "Catalogue", settings=shared.settings, storage=storage)
        self._publish(shared)
        self.workflow = Workflow(
            self,
            "Workflow",
            settings=shared.settings,
            key=storage.key,
            name="archive",
            type=sfn.StateMachineType.STANDARD,
            definition=self._definition(shared),
            timeout=Duration.hours(20),  # done before the next one starts
            schedule=events.Schedule.cron(minute="15", hour="1"),
            functions=[self.plan, self.compact, self.publish],
        )
        storage.key.grant_decrypt(self.workflow.machine)
        self.workflow.excuse_map(storage.work_bucket)

    def _log(self, shared: Shared, id: str, *, table: dynamodb.Table, pattern: dict[str, Any]) -> Function:
        """The second reader of the table's stream, of the two that DynamoDB serves without throttling."""
        storage = shared.storage
        name = f"archive-{id.lower()}"
        function = shared.function(
            self,
            id,
            name=name,
            source="archive",
            handler=f"{id.lower()}.handle",
            layers=shared.layers.parquet,
            memory_mb=1769,  # one whole vCPU
            timeout_seconds=120,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
            },
        )
        grants.use_table(function, storage.control_table, "BatchGetItem")
        grants.put_objects(function, storage.archive_bucket)
        stream_mapping.of_table(
            self,
            f"{id}Items",
            table=table,
            function=function,
            pattern=json.dumps(pattern),
            batch_size=_BATCH,
            window_seconds=_WINDOW_SECONDS,
            on_failure=storage.dead_letters_bucket,
        )
        return function

    def _plan(self, shared: Shared) -> None:
        storage = shared.storage
        self.plan = shared.function(
            self,
            "Plan",
            name="archive-plan",
            source="archive",
            handler="plan.handle",
            memory_mb=1024,
            timeout_seconds=900,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.plan, storage.control_table, "Query")
        grants.list_versions(self.plan, storage.archive_bucket)
        grants.put_objects(self.plan, storage.work_bucket)

    def _compact(self, shared: Shared) -> None:
        storage = shared.storage
        self.compact = shared.function(
            self,
            "Compact",
            name="archive-compact",
            source="archive",
            handler="compact.handle",
            layers=shared.layers.parquet,
            memory_mb=3538,  # a shard lies in memory; two whole vCPUs decode and sort it
            timeout_seconds=900,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.compact, storage.control_table, "GetItem", "Query")
        grants.list_versions(self.compact, storage.archive_bucket)
        grants.get_object_versions(self.compact, storage.archive_bucket)
        grants.put_objects(self.compact, storage.archive_bucket)
        grants.delete_objects(self.compact, storage.archive_bucket)
        grants.get_objects(self.compact, storage.work_bucket)

    def _publish(self, shared: Shared) -> None:
        storage = shared.storage
        self.publish = shared.function(
            self,
            "Publish",
            name="archive-catalogue",
            source="archive",
            handler="catalogue.handle",
            memory_mb=1024,
            timeout_seconds=900,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
                "CATALOGUE_DATABASE": self.catalogue.database_name,
            },
        )
        grants.use_table(self.publish, storage.control_table, "Query")
        grants.get_objects(self.publish, storage.archive_bucket)
        grants.list_versions(self.publish, storage.archive_bucket)
        grants.get_object_versions(self.publish, storage.archive_bucket)
        grants.put_objects(self.publish, storage.archive_bucket)
        grants.delete_objects(self.publish, storage.archive_bucket)
        grants.keep_databases(self.publish, f"{self.catalogue.database_name}_")

    def _definition(self, shared: Shared) -> sfn.IChainable:
        compact = call(self, "Compact shard", self.compact)
        compact.add_retry(errors=["States.TaskFailed"], interval=Duration.seconds(10), max_attempts=3, backoff_rate=2)
        left = sfn.Pass(self, "Left for the next night")
        compact.add_catch(left, errors=["States.ALL"], result_path=sfn.JsonPath.DISCARD)
        shards = each(self, "Each shard", task=compact, bucket=shared.storage.work_bucket, concurrency=16)
        publish = call(self, "Bring the catalogue up to date", self.publish)
        publish.add_retry(errors=["States.TaskFailed"], interval=Duration.seconds(10), max_attempts=3, backoff_rate=2)
        plan = call(self, "Plan night", self.plan)
        plan.add_retry(errors=["States.TaskFailed"], interval=Duration.seconds(10), max_attempts=3, backoff_rate=2)
        return plan.next(
            sfn.Choice(self, "Is any day due?")
            .when(sfn.Condition.number_greater_than("$.count", 0), shards)
            .afterwards(include_otherwise=True)
            .next(publish)
        )
