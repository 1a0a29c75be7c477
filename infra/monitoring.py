"""What tells people that something is wrong: alarms, the topic that they speak to, and a dashboard.

The dead letters bucket holds both single events that a handler set aside and whole batches that Lambda gave up; every
object put there raises the alarm. S3 counts requests only once it is told to, and only in hours that have some.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.function import Function
from infra.http_api import ThrottledApi
from infra.settings import Settings
from infra.storage import Storage
from infra.workflow import Workflow

_MINUTE = Duration.minutes(1)
_FIVE_MINUTES = Duration.minutes(5)


class Monitoring(Construct):
    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        storage: Storage,
        streams: Sequence[kinesis.Stream],
        functions: Sequence[Function],
        readers: Sequence[Function],
        apis: Sequence[ThrottledApi],
        workflows: Sequence[Workflow],
    ) -> None:
        """`readers` are the functions that read a stream."""
        super().__init__(scope, id)
        self._settings = settings
        self.topic = self._topic(storage)
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=settings.name("overview"))
        self._functions(functions)
        self._readers(readers)
        self._streams(streams)
        self._dead_letters(storage.dead_letters_bucket)
        self._workflows(workflows)
        self._apis(apis)

    def _topic(self, storage: Storage) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", master_key=storage.key, enforce_ssl=True)
        storage.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisStage",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
            )
        )
        if self._settings.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._settings.alarm_email))
        return topic

    def _functions(self, functions: Sequence[Function]) -> None:
        errors = {function: function.function.metric_errors(period=_FIVE_MINUTES) for function in functions}
        throttles = {function: function.function.metric_throttles(period=_FIVE_MINUTES) for function in functions}
        durations = {
            function: function.function.metric_duration(period=_FIVE_MINUTES, statistic="p95") for function in functions
        }
        for function, metric in errors.items():
            self._alarm(f"{function.name}-errors", metric, 1, f"{function.name} failed as a whole; its caller retries")
        # Without a function's name the metric is the account's, whose concurrency is what runs out. A burst that
        # retries absorb is no reason to wake anybody.
        throttled = cloudwatch.Metric(
            namespace="AWS/Lambda", metric_name="Throttles", statistic="Sum", period=_FIVE_MINUTES
        )
        because = "Functions are held back by the account's concurrency; the dashboard tells which"
        self._alarm("throttles", throttled, 10, because, periods=3)
        self._row(
            "Functions",
            ("Errors", _labelled(errors)),
            ("Throttles", _labelled(throttles)),
            ("Duration, p95", _labelled(durations)),
        )

    def _readers(self, readers: Sequence[Function]) -> None:
        ages = {
            function: function.function.metric("IteratorAge", statistic="Maximum", period=_MINUTE)
            for function in readers
        }
        for function, age in ages.items():
            because = f"{function.name} is five minutes behind its stream"
            self._alarm(f"{function.name}-iterator-age", age, 300_000, because, periods=3)
        self._row("Freshness", ("Iterator age, ms", _labelled(ages)))

    def _streams(self, streams: Sequence[kinesis.Stream]) -> None:
        refused = [
            stream.metric_write_provisioned_throughput_exceeded(statistic="Sum", period=_FIVE_MINUTES)
            for stream in streams
        ]
        for stream, metric in zip(streams, refused, strict=True):
            name = stream.node.id.lower()
            self._alarm(
                f"{name}-stream-full", metric, 100, f"The {name} stream needs more shards (context: shards)", periods=3
            )
        incoming = [stream.metric_incoming_bytes(statistic="Sum", period=_FIVE_MINUTES) for stream in streams]
        self._row("Streams", ("Refused records", refused), ("Bytes in", incoming))

    def _dead_letters(self, bucket: s3.Bucket) -> None:
        bucket.add_metric(id="all")
        puts = cloudwatch.Metric(
            namespace="AWS/S3",
            metric_name="PutRequests",
            dimensions_map={"BucketName": bucket.bucket_name, "FilterId": "all"},
            statistic="Sum",
            period=_FIVE_MINUTES,
        )
        depth = cloudwatch.Metric(
            namespace="AWS/S3",
            metric_name="NumberOfObjects",
            dimensions_map={"BucketName": bucket.bucket_name, "StorageType": "AllStorageTypes"},
            statistic="Average",
            period=Duration.days(1),
        )
        self._alarm(
            "dead-letters", puts, 1, "An event or a batch was given up: see the dead letters bucket, mend, replay"
        )
        self._row("Dead letters", ("Put", [puts]), ("Kept, by day", [depth]))

    def _workflows(self, workflows: Sequence[Workflow]) -> None:
        failed = [workflow.machine.metric_failed(period=_FIVE_MINUTES) for workflow in workflows]
        late = [workflow.machine.metric_timed_out(period=_FIVE_MINUTES) for workflow in workflows]
        for workflow, failure in zip(workflows, failed, strict=True):
            name = workflow.node.scope.node.id.lower()  # type: ignore[union-attr]
            self._alarm(
                f"{name}-workflow-failed", failure, 1, f"The {name} workflow failed; its next run starts afresh"
            )
        self._row("Workflows", ("Failed", failed), ("Timed out", late))

    def _apis(self, apis: Sequence[ThrottledApi]) -> None:
        counts = [api.api.metric_count(statistic="Sum", period=_FIVE_MINUTES) for api in apis]
        faults = [api.api.metric_server_error(statistic="Sum", period=_FIVE_MINUTES) for api in apis]
        for api, fault in zip(apis, faults, strict=True):
            name = api.node.id.lower()
            self._alarm(f"{name}-api-faults", fault, 5, f"The {name} API answers with 5xx")
        latency = [api.api.metric_latency(statistic="p95", period=_FIVE_MINUTES) for api in apis]
        self._row("APIs", ("Requests", counts), ("5xx", faults), ("Latency, p95", latency))

    def _alarm(
        self, name: str, metric: cloudwatch.Metric, threshold: float, description: str, *, periods: int = 1
    ) -> None:
        """Raised when the metric was at or above the threshold in each of the last periods."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=self._settings.name(name),
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def _row(self, title: str, *graphs: tuple[str, Sequence[cloudwatch.IMetric]]) -> None:
        self.dashboard.add_widgets(cloudwatch.TextWidget(markdown=f"## {title}", width=24, height=1))
        width = 24 // len(graphs)
        self.dashboard.add_widgets(
            *(cloudwatch.GraphWidget(title=name, left=list(metrics), width=width, height=6) for name, metrics in graphs)
        )


def _labelled(metrics: Mapping[Function, cloudwatch.Metric]) -> list[cloudwatch.Metric]:
    """For graphs only: a label turns an alarm's metric into metric math."""
    return [metric.with_(label=function.name) for function, metric in metrics.items()]
