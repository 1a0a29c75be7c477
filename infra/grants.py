"""What a function may do, action by action. A test lists the outcome for every function.

Each grant brings the use of the key that the service asks of its caller, and no more.
"""

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from infra.function import Function
from infra.nag import excuse, logical_id

READ = ("GetItem", "BatchGetItem", "Query")
WRITE = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
CHECK = ("ConditionCheckItem",)

_DECRYPT = ("kms:Decrypt", "kms:DescribeKey")
_ENCRYPT = ("kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")


def use_table(function: Function, table: dynamodb.Table, *actions: str) -> None:
    """TransactWriteItems is allowed by the actions that the transaction is made of."""
    function.allow([f"dynamodb:{action}" for action in actions], table.table_arn)
    writes = any(action in WRITE for action in actions)
    function.allow([*_DECRYPT, *(_ENCRYPT if writes else ())], function.key.key_arn)


def read_table_stream(function: Function, table: dynamodb.Table) -> None:
    stream = table.table_stream_arn
    assert stream is not None  # noqa: S101 - only tables with a stream are wired to a mapping
    function.allow(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], stream)
    # The only action on streams that has no resource.
    function.allow(["dynamodb:ListStreams"], "*")
    function.allow(_DECRYPT, function.key.key_arn)


def put_records(function: Function, stream: kinesis.Stream) -> None:
    function.allow(["kinesis:PutRecords"], stream.stream_arn)
    function.allow(["kms:GenerateDataKey"], function.key.key_arn)


def read_stream(function: Function, stream: kinesis.Stream) -> None:
    function.allow(
        [
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
        ],
        stream.stream_arn,
    )
    function.allow(["kms:Decrypt"], function.key.key_arn)


def put_objects(function: Function, bucket: s3.Bucket) -> None:
    function.allow(["s3:PutObject"], bucket.arn_for_objects("*"))
    function.allow(["kms:GenerateDataKey", "kms:Decrypt"], function.key.key_arn)
    _keys_are_data(function.role, bucket)


def get_objects(function: Function, bucket: s3.Bucket) -> None:
    """With ListBucket, because without it a missing object is answered with 403 instead of 404."""
    function.allow(["s3:GetObject"], bucket.arn_for_objects("*"))
    function.allow(["s3:ListBucket"], bucket.bucket_arn)
    function.allow(["kms:Decrypt"], function.key.key_arn)
    _keys_are_data(function.role, bucket)


def get_object_versions(function: Function, bucket: s3.Bucket) -> None:
    function.allow(["s3:GetObject", "s3:GetObjectVersion"], bucket.arn_for_objects("*"))
    function.allow(["kms:Decrypt"], function.key.key_arn)
    _keys_are_data(function.role, bucket)


def list_versions(function: Function, bucket: s3.Bucket) -> None:
    function.allow(["s3:ListBucketVersions"], bucket.bucket_arn)


def delete_objects(function: Function, bucket: s3.Bucket) -> None:
    function.allow(["s3:DeleteObject"], bucket.arn_for_objects("*"))
    _keys_are_data(function.role, bucket)


def delete_versions(function: Function, bucket: s3.Bucket) -> None:
    """Every version of an object, also in a bucket that keeps only one."""
    function.allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], bucket.arn_for_objects("*"))
    function.allow(["s3:ListBucketVersions"], bucket.bucket_arn)
    _keys_are_data(function.role, bucket)


def keep_failed_batches(function: Function, bucket: s3.Bucket) -> None:
    """What Lambda asks of the function's role to write a batch that it gave up to the on-failure target."""
    put_objects(function, bucket)
    function.allow(["s3:ListBucket"], bucket.bucket_arn)


def start_executions(function: Function, machine: sfn.StateMachine) -> None:
    function.allow(["states:StartExecution"], machine.state_machine_arn)


def read_secret(function: Function, secret: secretsmanager.Secret) -> None:
    function.allow(["secretsmanager:GetSecretValue"], secret.secret_arn)
    function.allow(["kms:Decrypt"], function.key.key_arn)


def keep_databases(function: Function, prefix: str) -> None:
    """Glue's databases of these names, with the tables in them."""
    stack = Stack.of(function)
    actions = ["CreateDatabase", "CreateTable", "DeleteDatabase", "DeleteTable", "GetDatabases", "UpdateTable"]
    for resource in ("catalog", f"database/{prefix}*", f"table/{prefix}*/*", f"userDefinedFunction/{prefix}*/*"):
        function.allow([f"glue:{action}" for action in actions], _glue(stack, resource))
        if resource != "catalog":
            excuse(
                function.role,
                f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:glue:<AWS::Region>:<AWS::AccountId>:{resource}]",
                "Each space has a database, named after it; the prefix is this stage's.",
            )


def _glue(stack: Stack, resource: str) -> str:
    kind, _, name = resource.partition("/")
    return stack.format_arn(service="glue", resource=kind, resource_name=name or None)


def _keys_are_data(construct: IConstruct, bucket: s3.Bucket) -> None:
    excuse(
        construct,
        f"AwsSolutions-IAM5[Resource::<{logical_id(bucket)}.Arn>/*]",
        "Object keys are data; the bucket is named.",
    )
