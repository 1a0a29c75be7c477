"""Somebody asks what other identity rules would do → a Map over segments of the identity table (simulation-gather) →
simulation-replay, which keeps the report.
"""

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import grants
from infra.function import Function
from infra.shared import Shared
from infra.workflow import Workflow, call


class Simulation(Construct):
    def __init__(self, scope: Construct, id: str, *, shared: Shared) -> None:
        super().__init__(scope, id)
        self._gather(shared)
        self._replay(shared)
        self.workflow = Workflow(
            self,
            "Workflow",
            settings=shared.settings,
            key=shared.storage.key,
            name="simulation",
            type=sfn.StateMachineType.STANDARD,
            definition=self._definition(),
            timeout=Duration.hours(2),  # less than what core/simulation/simulation.py calls the longest
            functions=[self.gather, self.replay],
        )

    def started_by(self, function: Function) -> None:
        function.function.add_environment("SIMULATION_MACHINE", self.workflow.machine.state_machine_arn)
        grants.start_executions(function, self.workflow.machine)

    def _gather(self, shared: Shared) -> None:
        storage = shared.storage
        self.gather = shared.function(
            self,
            "Gather",
            name="simulation-gather",
            source="simulation",
            handler="gather.handle",
            memory_mb=1769,  # one whole vCPU, to read and compress
            timeout_seconds=900,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "IDENTITY_TABLE": storage.identity_table.table_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.gather, storage.control_table, "GetItem", "UpdateItem")
        grants.use_table(self.gather, storage.identity_table, "Scan")
        grants.put_objects(self.gather, storage.work_bucket)

    def _replay(self, shared: Shared) -> None:
        storage = shared.storage
        self.replay = shared.function(
            self,
            "Replay",
            name="simulation-replay",
            source="simulation",
            handler="replay.handle",
            memory_mb=8192,  # for the most that a simulation takes, of which personas/simulating.py knows
            timeout_seconds=900,
            environment={
                "CONTROL_TABLE": storage.control_table.table_name,
                "WORK_BUCKET": storage.work_bucket.bucket_name,
            },
        )
        grants.use_table(self.replay, storage.control_table, "GetItem", "UpdateItem")
        grants.get_objects(self.replay, storage.work_bucket)
        grants.delete_objects(self.replay, storage.work_bucket)

    def _definition(self) -> sfn.IChainable:
        gather = call(self, "Gather a part", self.gather)
        more = sfn.Choice(self, "Is there more?")
        more.when(sfn.Condition.boolean_equals("$.more", True), gather).otherwise(sfn.Succeed(self, "Gathered"))
        segments = sfn.Map(
            self,
            "Each segment",
            items_path="$.segments",
            max_concurrency=8,
            result_path="$.gathered",
        )
        segments.item_processor(gather.next(more))
        replay = call(self, "Replay all", self.replay)
        given_up = call(self, "Give up", self.replay)
        for task in (gather, replay, given_up):
            task.add_retry(errors=["States.TaskFailed"], interval=Duration.seconds(5), max_attempts=2, backoff_rate=2)
        failed = sfn.Fail(self, "Failed", error="Simulation.Failed", cause="The reason is with the simulation")
        given_up.next(failed)
        for step in (segments, replay):
            step.add_catch(given_up, errors=["States.ALL"], result_path="$.failure")
        return segments.next(replay).next(sfn.Succeed(self, "Done"))
