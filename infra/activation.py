"""Profiles table → changes → outbox and linked profiles; every minute: plan → a Map over batches → deliver → settle.

Each branch of the Map settles its own batch, whether deliver answered or failed, so that one broken tool never slows
another.
"""

import json

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import grants, paths, stream_mapping
from infra.shared import Shared
from infra.workflow import Workflow, call

_OUTBOX = (*grants.READ, "PutItem", "UpdateItem", "BatchWriteItem")


class Activation(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        self._changes(shared)
        self._steps(shared)
        # EXPRESS, because 43,200 runs a month, most of which find nothing, cost 40 times less so. It starts a run at
        # least once: claims on the outbox are leases with a fencing token, so that a second run finds nothing to claim.
        self.workflow = Workflow(
            self,
            "Workflow",
            settings=shared.settings,
            key=shared.storage.key,
            name="activation",
            type=sfn.StateMachineType.EXPRESS,
            definition=self._definition(),
            timeout=Duration.minutes(5),
            schedule=events.Schedule.rate(Duration.minutes(1)),
            functions=[self.plan, self.deliver, self.settle],
        )

    def _changes(self, shared: Shared) -> None:
        storage = shared.storage
        self.changes = shared.function(
            self,
            "Changes",
            name="changes",
            source="changes",
            memory_mb=1024,
            timeout_seconds=120,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "ACTIVATION_TABLE": storage.activation_table.table_name,
                "PROFILES_TABLE": storage.profiles_table.table_name,
                "PROFILES_STREAM": shared.streams.profiles.stream_name,
            },
        )
        grants.use_table(self.changes, storage.control_table, "BatchGetItem", "Query")
        grants.use_table(self.changes, storage.activation_table, *_OUTBOX)
        grants.use_table(self.changes, storage.profiles_table, "BatchGetItem", "Query")
        grants.put_records(self.changes, shared.streams.profiles)
        self.profiles_mapping = stream_mapping.of_table(
            self,
            "ProfileItems",
            table=storage.profiles_table,
            function=self.changes,
            pattern=json.dumps({"dynamodb": {"Keys": {"sk": {"S": ["profile", {"prefix": "link#"}]}}}}),
            batch_size=500,
            window_seconds=shared.settings.freshness_seconds,
            on_failure=storage.dead_letters_bucket,
        )

    def _steps(self, shared: Shared) -> None:
        storage = shared.storage
        self.plan = shared.function(
            self,
            "Plan",
            name="activation-plan",
            source="activation",
            handler="plan.handle",
            memory_mb=1024,
            timeout_seconds=60,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "ACTIVATION_TABLE": storage.activation_table.table_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.plan, storage.control_table, "GetItem", "Query")
        grants.use_table(self.plan, storage.activation_table, *_OUTBOX)
        grants.put_objects(self.plan, storage.work_bucket)

        self.deliver = shared.function(
            self,
            "Deliver",
            name="deliver",
            source="deliver",
            handler="index.handler",
            runtime=lambda_.Runtime.NODEJS_22_X,
            layers=(),
            code=None if shared.settings.local else paths.DELIVER,
            memory_mb=1024,
            # Plan, deliver and settle together stay within the five minutes of an EXPRESS run.
            timeout_seconds=150,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
                "PRIVATE_DESTINATIONS": shared.settings.private_destinations,
            },
        )
        grants.use_table(self.deliver, storage.control_table, "GetItem")
        grants.get_objects(self.deliver, storage.work_bucket)
        grants.put_objects(self.deliver, storage.work_bucket)

        self.settle = shared.function(
            self,
            "Settle",
            name="activation-settle",
            source="activation",
            handler="settle.handle",
            memory_mb=512,
            timeout_seconds=60,
            environment={
                "ACTIVATION_TABLE": storage.activation_table.table_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
                "DEAD_LETTERS_BUCKET": storage.dead_letters_bucket.bucket_name,
            },
        )
        grants.use_table(self.settle, storage.activation_table, *_OUTBOX)
        grants.get_objects(self.settle, storage.work_bucket)
        grants.put_objects(self.settle, storage.dead_letters_bucket)

    def _definition(self) -> sfn.IChainable:
        # A failure keeps the batch's key, so that settling knows whose it was.
        settle = call(self, "Settle batch", self.settle)
        deliver = call(self, "Deliver batch", self.deliver)
        deliver.add_catch(settle, errors=["States.ALL"], result_path="$.failure")
        batches = sfn.Map(
            self,
            "Each batch",
            items_path=sfn.JsonPath.string_at("$.batches"),
            max_concurrency=40,  # the most that an inline Map runs at once
            result_path=sfn.JsonPath.DISCARD,
        )
        settle.add_retry(errors=["States.TaskFailed"], interval=Duration.seconds(1), max_attempts=2, backoff_rate=3)
        # A batch that could not even be settled keeps its lease until that runs out; the others go on.
        settle.add_catch(sfn.Pass(self, "Left to its lease"), errors=["States.ALL"], result_path=sfn.JsonPath.DISCARD)
        batches.item_processor(deliver.next(settle))
        nothing = sfn.Succeed(self, "Nothing to send")
        return call(self, "Plan batches", self.plan).next(
            sfn.Choice(self, "Is anything pending?")
            .when(sfn.Condition.number_greater_than("$.count", 0), batches)
            .otherwise(nothing)
        )
