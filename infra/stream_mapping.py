"""Stream → function, always the same way: partial failures, bisecting, bounded retries and age, and an S3 target for
what was given up. A shard never waits longer than a day for a batch that cannot be worked off."""

from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra import grants
from infra.function import Function

RETRIES = 10
MAX_AGE_SECONDS = 86_400


def of_stream(
    scope: Construct,
    id: str,
    *,
    stream: kinesis.Stream,
    function: Function,
    batch_size: int,
    window_seconds: int,
    parallel: int,
    on_failure: s3.Bucket,
) -> lambda_.CfnEventSourceMapping:
    """`parallel` invocations at a time for each shard, in order within a partition key."""
    grants.read_stream(function, stream)
    return _mapping(
        scope,
        id,
        source_arn=stream.stream_arn,
        function=function,
        batch_size=batch_size,
        window_seconds=window_seconds,
        on_failure=on_failure,
        parallelization_factor=parallel,
    )


def of_table(
    scope: Construct,
    id: str,
    *,
    table: dynamodb.Table,
    function: Function,
    pattern: str,
    batch_size: int,
    window_seconds: int,
    on_failure: s3.Bucket,
) -> lambda_.CfnEventSourceMapping:
    """`pattern` is a filter of Lambda's event filtering, as JSON."""
    grants.read_table_stream(function, table)
    stream_arn = table.table_stream_arn
    assert stream_arn is not None  # noqa: S101 - grants.read_table_stream has checked it
    return _mapping(
        scope,
        id,
        source_arn=stream_arn,
        function=function,
        batch_size=batch_size,
        window_seconds=window_seconds,
        on_failure=on_failure,
        filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
            filters=[lambda_.CfnEventSourceMapping.FilterProperty(pattern=pattern)]
        ),
    )


def _mapping(
    scope: Construct,
    id: str,
    *,
    source_arn: str,
    function: Function,
    batch_size: int,
    window_seconds: int,
    on_failure: s3.Bucket,
    **more: Any,
) -> lambda_.CfnEventSourceMapping:
    grants.keep_failed_batches(function, on_failure)
    mapping = lambda_.CfnEventSourceMapping(
        scope,
        id,
        event_source_arn=source_arn,
        function_name=function.function.function_name,
        # From the oldest record, so that nothing that came while the mapping was made is passed over.
        starting_position="TRIM_HORIZON",
        batch_size=batch_size,
        maximum_batching_window_in_seconds=window_seconds,
        function_response_types=["ReportBatchItemFailures"],
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=RETRIES,
        maximum_record_age_in_seconds=MAX_AGE_SECONDS,
        destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
            on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=on_failure.bucket_arn)
        ),
        **more,
    )
    # Lambda tries the role's rights when the mapping is made.
    mapping.node.add_dependency(function.role)
    return mapping
