"""One Lambda function with its own role and log group, and nothing that it was not given by name.

The role starts with writing its own log and sending traces; infra/grants.py adds the rest, action by action. The
resource's metadata says where the source lies, so that the local engine runs it as it is edited.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import paths
from infra.nag import excuse
from infra.settings import Settings


class Function(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        key: kms.IKey,
        name: str,
        source: str,
        handler: str = "handler.handle",
        layers: Sequence[lambda_.LayerVersion],
        environment: Mapping[str, str],
        memory_mb: int,
        timeout_seconds: int,
        code: Path | None = None,
        runtime: lambda_.Runtime = lambda_.Runtime.PYTHON_3_13,
    ) -> None:
        """`source` is the folder under functions/; `code` is given where what is deployed is built from it."""
        super().__init__(scope, id)
        self.name = name
        self.key = key
        self.timeout_seconds = timeout_seconds
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{settings.name(name)}",
            retention=logs.RetentionDays.THREE_MONTHS if settings.production else logs.RetentionDays.TWO_WEEKS,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn)
        self.allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")
        excuse(self.role, "AwsSolutions-IAM5[Resource::*]", "X-Ray has no resources that a grant could name.")
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=settings.name(name),
            runtime=runtime,
            architecture=lambda_.Architecture.ARM_64,
            handler=handler,
            code=lambda_.Code.from_asset(
                str(code or paths.FUNCTIONS / source),
                # Of what is built everything is needed; a source folder has things in it that are for development.
                exclude=[] if code else ["__pycache__", "*.pyc", "test", "node_modules"],
                ignore_mode=IgnoreMode.GIT,
            ),
            layers=list(layers),
            role=self.role.without_policy_updates(),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            memory_size=memory_mb,
            timeout=Duration.seconds(timeout_seconds),
            environment={
                "STAGE": settings.stage,
                "LOG_LEVEL": "INFO",
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": "Personas",
                **environment,
            },
        )
        self.function.node.add_dependency(self.role)
        excuse(
            self.function,
            "AwsSolutions-L1",
            "Python 3.13 and Node 22 are what the locked wheels and packages are tested on.",
        )
        resource = self.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101 - tells mypy which resource it is
        resource.add_metadata("Personas", {"Source": f"functions/{source}", "Name": name})

    def allow(self, actions: Sequence[str], *resources: str) -> None:
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))
