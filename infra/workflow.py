"""A state machine that logs, is traced, and is started by a schedule or on demand (grants.start_executions).

The local engine runs it on another interpreter, so that it keeps to what both do: JSONPath, Lambda tasks, Map, Choice,
Wait, Retry and Catch. States carry S3 keys, never payloads.
"""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.function import Function
from infra.nag import excuse, logical_id
from infra.settings import Settings


class Workflow(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        key: kms.IKey,
        name: str,
        type: sfn.StateMachineType,
        definition: sfn.IChainable,
        timeout: Duration,
        functions: Sequence[Function],
        schedule: events.Schedule | None = None,
    ) -> None:
        """`functions` are those that the definition calls."""
        super().__init__(scope, id)
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/vendedlogs/states/{settings.name(name)}",
            retention=logs.RetentionDays.THREE_MONTHS if settings.production else logs.RetentionDays.TWO_WEEKS,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=settings.name(name),
            state_machine_type=type,
            definition_body=sfn.DefinitionBody.from_chainable(definition),
            timeout=timeout,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
        excuse(
            self.machine.role,
            "AwsSolutions-IAM5[Resource::*]",
            "The delivery of logs and traces has no resources that a grant could name.",
        )
        for function in functions:
            excuse(
                self.machine.role,
                f"AwsSolutions-IAM5[Resource::<{logical_id(function.function)}.Arn>:*]",
                "The versions of a function that the workflow calls.",
            )
        if schedule is not None:
            events.Rule(
                self,
                "Schedule",
                rule_name=settings.name(name),
                schedule=schedule,
                targets=[targets.SfnStateMachine(self.machine, retry_attempts=2, max_event_age=Duration.minutes(5))],
            )

    def excuse_map(self, bucket: s3.Bucket) -> None:
        """A distributed Map over a list in the bucket has rights that no grant can name more closely."""
        excuse(
            self.machine,
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::<{logical_id(bucket)}>/*]",
            "The key of the list comes from the step before; the bucket is named.",
        )
        name = f'{{"Fn::Select":[6,{{"Fn::Split":[":",{{"Ref":"{logical_id(self.machine)}"}}]}}]}}'
        for runs in (":*", "/*:*"):
            excuse(
                self.machine,
                "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
                f":execution:{name}{runs}]",
                "A distributed Map starts, watches and stops runs of its own machine, whose ids nobody knows before.",
            )


def call(scope: Construct, id: str, function: Function, *, payload: sfn.TaskInput | None = None) -> tasks.LambdaInvoke:
    """The function's answer becomes the state. Errors of the service are retried, those of our code are not."""
    return tasks.LambdaInvoke(
        scope,
        id,
        lambda_function=function.function,
        payload=payload,
        payload_response_only=True,
        retry_on_service_exceptions=True,
    )


def each(
    scope: Construct, id: str, *, task: tasks.LambdaInvoke, bucket: s3.IBucket, concurrency: int
) -> sfn.DistributedMap:
    """The task for each entry of the list that lies in the bucket under the state's `key`; its answers are dropped.

    The machine needs `excuse_map`, and the key with which the bucket is encrypted.
    """
    every = sfn.DistributedMap(
        scope,
        id,
        item_reader=sfn.S3JsonItemReader(bucket=bucket, key=sfn.JsonPath.string_at("$.key")),
        map_execution_type=sfn.StateMachineType.STANDARD,
        max_concurrency=concurrency,
        result_path=sfn.JsonPath.DISCARD,
    )
    every.item_processor(task)
    return every
