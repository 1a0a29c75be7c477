"""Every hour: purge, again and again, until nothing is left of the spaces that were deleted."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import grants
from infra.shared import Shared
from infra.workflow import Workflow, call


class Purge(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        storage = shared.storage
        self.purge = shared.function(
            self,
            "Purge",
            name="purge",
            source="purge",
            memory_mb=512,
            timeout_seconds=300,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "IDENTITY_TABLE": storage.identity_table.table_name,
                "PROFILES_TABLE": storage.profiles_table.table_name,
                "ACTIVATION_TABLE": storage.activation_table.table_name,
                "ARCHIVE_BUCKET": storage.archive_bucket.bucket_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
                "DEAD_LETTERS_BUCKET": storage.dead_letters_bucket.bucket_name,
            },
        )
        for table in (storage.identity_table, storage.profiles_table, storage.activation_table):
            grants.use_table(self.purge, table, "Scan", "BatchWriteItem")
        grants.use_table(
            self.purge, storage.control_table, "GetItem", "Query", "PutItem", "DeleteItem", "Scan", "BatchWriteItem"
        )
        for bucket in (storage.archive_bucket, storage.work_bucket, storage.dead_letters_bucket):
            grants.delete_versions(self.purge, bucket)
        self.workflow = Workflow(
            self,
            "Workflow",
            settings=shared.settings,
            key=storage.key,
            name="purge",
            type=sfn.StateMachineType.STANDARD,
            definition=self._definition(),
            timeout=Duration.minutes(50),  # with the function's last five, done before the next one starts
            schedule=events.Schedule.cron(minute="30"),
            functions=[self.purge],
        )

    def _definition(self) -> sfn.IChainable:
        step = call(self, "Remove what is left", self.purge)
        step.add_retry(errors=["States.TaskFailed"], interval=Duration.seconds(10), max_attempts=3, backoff_rate=2)
        again = sfn.Choice(self, "Is anything left?")
        again.when(sfn.Condition.boolean_equals("$.left", True), step).otherwise(sfn.Succeed(self, "Nothing is left"))
        return step.next(again)
