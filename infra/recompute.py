"""Every hour: recompute-plan → a Map over the due log's buckets → recompute-tick → profiles stream.

Plan puts the list of buckets into the work bucket; each of them is ticked by itself. A bucket that fails is left in the
due log, where the next hour finds it again; the function's error alarm tells.
"""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import grants
from infra.shared import Shared
from infra.workflow import Workflow, call, each


class Recompute(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        storage, streams = shared.storage, shared.streams
        self.plan = shared.function(
            self,
            "Plan",
            name="recompute-plan",
            source="recompute",
            handler="plan.handle",
            memory_mb=512,
            timeout_seconds=120,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "IDENTITY_TABLE": storage.identity_table.table_name,
                "PROFILES_TABLE": storage.profiles_table.table_name,
                "PROFILES_STREAM": streams.profiles.stream_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.plan, storage.control_table, "GetItem", "Query", "UpdateItem")
        grants.use_table(self.plan, storage.profiles_table, "Query")
        grants.use_table(self.plan, storage.identity_table, "Query")
        grants.put_records(self.plan, streams.profiles)
        grants.put_objects(self.plan, storage.work_bucket)

        self.tick = shared.function(
            self,
            "Tick",
            name="recompute-tick",
            source="recompute",
            handler="tick.handle",
            memory_mb=512,
            timeout_seconds=300,
            environment={
                "PROFILES_TABLE": storage.profiles_table.table_name,
                "PROFILES_STREAM": streams.profiles.stream_name,
            },
        )
        grants.use_table(self.tick, storage.profiles_table, "Query", "BatchWriteItem")
        grants.put_records(self.tick, streams.profiles)

        self.workflow = Workflow(
            self,
            "Workflow",
            settings=shared.settings,
            key=storage.key,
            name="recompute",
            type=sfn.StateMachineType.STANDARD,
            definition=self._definition(shared),
            timeout=Duration.minutes(55),  # done before the next one starts
            schedule=events.Schedule.cron(minute="0"),
            functions=[self.plan, self.tick],
        )
        storage.key.grant_decrypt(self.workflow.machine)
        self.workflow.excuse_map(shared.storage.work_bucket)

    def _definition(self, shared: Shared) -> sfn.IChainable:
        tick = call(self, "Tick bucket", self.tick)
        tick.add_retry(errors=["States.TaskFailed"], interval=Duration.seconds(5), max_attempts=2, backoff_rate=2)
        left = sfn.Pass(self, "Left for the next hour")
        tick.add_catch(left, errors=["States.ALL"], result_path=sfn.JsonPath.DISCARD)
        buckets = each(self, "Each due bucket", task=tick, bucket=shared.storage.work_bucket, concurrency=16)
        nothing = sfn.Succeed(self, "Nothing is due")
        return call(self, "Plan hour", self.plan).next(
            sfn.Choice(self, "Is anything due?")
            .when(sfn.Condition.number_greater_than("$.count", 0), buckets)
            .otherwise(nothing)
        )
