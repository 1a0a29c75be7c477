"""A saved definition, or the hourly run → backfill-step ⇄ Maps over shards of the archive (backfill-shard) → profiles
stream.

backfill-step does what lies between the Maps and says what is next; see personas/backfill.py for the order.
"""

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import grants
from infra.function import Function
from infra.shared import Shared
from infra.stepped import stepped
from infra.workflow import Workflow


class Backfill(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        self._step(shared)
        self._shard(shared)
        self.workflow = Workflow(
            self,
            "Workflow",
            settings=shared.settings,
            key=shared.storage.key,
            name="backfill",
            type=sfn.StateMachineType.STANDARD,
            definition=stepped(self, self.step, self.shard, bucket=shared.storage.work_bucket, concurrency=16),
            timeout=Duration.hours(48),  # within the 72 hours for which a profile knows a part that it has taken
            functions=[self.step, self.shard],
        )
        shared.storage.key.grant_decrypt(self.workflow.machine)
        self.workflow.excuse_map(shared.storage.work_bucket)

    def started_by(self, function: Function) -> None:
        function.function.add_environment("BACKFILL_MACHINE", self.workflow.machine.state_machine_arn)
        grants.start_executions(function, self.workflow.machine)

    def _step(self, shared: Shared) -> None:
        storage, streams = shared.storage, shared.streams
        self.step = shared.function(
            self,
            "Step",
            name="backfill-step",
            source="backfill",
            handler="step.handle",
            memory_mb=1024,
            timeout_seconds=300,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "IDENTITY_TABLE": storage.identity_table.table_name,
                "PROFILES_TABLE": storage.profiles_table.table_name,
                "PROFILES_STREAM": streams.profiles.stream_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.step, storage.control_table, "GetItem", "Query", "PutItem", "UpdateItem")
        grants.use_table(self.step, storage.profiles_table, "BatchGetItem")
        grants.use_table(self.step, storage.identity_table, "Query")
        grants.put_records(self.step, streams.profiles)
        grants.list_versions(self.step, storage.archive_bucket)
        grants.put_objects(self.step, storage.work_bucket)

    def _shard(self, shared: Shared) -> None:
        storage, streams = shared.storage, shared.streams
        self.shard = shared.function(
            self,
            "Shard",
            name="backfill-shard",
            source="backfill",
            handler="shard.handle",
            layers=shared.layers.batch,
            memory_mb=3538,  # two whole vCPUs, which decode Parquet and fold in SQL
            timeout_seconds=900,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "IDENTITY_TABLE": storage.identity_table.table_name,
                "PROFILES_TABLE": storage.profiles_table.table_name,
                "PROFILES_STREAM": streams.profiles.stream_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.shard, storage.control_table, "GetItem", "Query", "UpdateItem")
        # What waits for a share, and a past that is too large for a record: see personas/rebuilding.py and cooling.py.
        grants.use_table(self.shard, storage.profiles_table, "BatchGetItem", "BatchWriteItem")
        grants.use_table(self.shard, storage.identity_table, "GetItem", "BatchGetItem", "Query", "UpdateItem")
        grants.put_records(self.shard, streams.profiles)
        grants.get_object_versions(self.shard, storage.archive_bucket)
        # That an event which both sides of an unmerge had counted counts once: see personas/rebuilding.py.
        grants.put_objects(self.shard, storage.archive_bucket)
        grants.get_objects(self.shard, storage.work_bucket)
        grants.put_objects(self.shard, storage.work_bucket)
