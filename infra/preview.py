"""Somebody asks for a preview → preview-step ⇄ Maps over shards of the space (preview-shard) → the preview's item.

preview-step does what lies between the Maps and says what is next; see personas/preview.py for the order.
"""

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import grants
from infra.function import Function
from infra.shared import Shared
from infra.stepped import stepped
from infra.workflow import Workflow


class Preview(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        self._step(shared)
        self._shard(shared)
        self.workflow = Workflow(
            self,
            "Workflow",
            settings=shared.settings,
            key=shared.storage.key,
            name="preview",
            type=sfn.StateMachineType.STANDARD,
            definition=stepped(self, self.step, self.shard, bucket=shared.storage.work_bucket, concurrency=64),
            timeout=Duration.minutes(50),  # whoever waits for a preview takes it for failed after an hour
            functions=[self.step, self.shard],
        )
        shared.storage.key.grant_decrypt(self.workflow.machine)
        self.workflow.excuse_map(shared.storage.work_bucket)

    def started_by(self, function: Function) -> None:
        function.function.add_environment("PREVIEW_MACHINE", self.workflow.machine.state_machine_arn)
        grants.start_executions(function, self.workflow.machine)

    def _step(self, shared: Shared) -> None:
        storage = shared.storage
        self.step = shared.function(
            self,
            "Step",
            name="preview-step",
            source="preview",
            handler="step.handle",
            memory_mb=1024,
            timeout_seconds=120,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.step, storage.control_table, "GetItem", "PutItem")
        grants.list_versions(self.step, storage.archive_bucket)
        grants.put_objects(self.step, storage.work_bucket)
        grants.get_objects(self.step, storage.work_bucket)

    def _shard(self, shared: Shared) -> None:
        storage = shared.storage
        self.shard = shared.function(
            self,
            "Shard",
            name="preview-shard",
            source="preview",
            handler="shard.handle",
            layers=shared.layers.batch,
            memory_mb=3538,  # two whole vCPUs, which decode Parquet and answer SQL
            timeout_seconds=900,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "IDENTITY_TABLE": storage.identity_table.table_name,
                "PROFILES_TABLE": storage.profiles_table.table_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.shard, storage.control_table, "GetItem", "Query")
        grants.use_table(self.shard, storage.identity_table, "BatchGetItem", "Query")
        grants.use_table(self.shard, storage.profiles_table, "BatchGetItem")
        grants.get_object_versions(self.shard, storage.archive_bucket)
        grants.get_objects(self.shard, storage.work_bucket)
        grants.put_objects(self.shard, storage.work_bucket)
