"""Everything that is kept: the key, the four tables, the buckets and the first workspace token.

The logical ids in here are pinned by a test: to change one is to lose data.
"""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.nag import excuse
from infra.settings import Settings


class Storage(Construct):
    def __init__(self, scope: Construct, id: str, *, settings: Settings) -> None:
        super().__init__(scope, id)
        self._production = settings.production
        # Data outlives the stack in prod. In dev the stack takes it along, except that a bucket must be empty first:
        # a custom resource that empties buckets is not worth its rights.
        self._removal = RemovalPolicy.RETAIN if settings.production else RemovalPolicy.DESTROY

        self.key = self._key(settings)
        self.control_table = self._table("Control")
        self.identity_table = self._table("Identity", stream=True)
        self.profiles_table = self._table("Profiles", stream=True)
        self.activation_table = self._table("Activation")
        self.tables = {
            "control": self.control_table,
            "identity": self.identity_table,
            "profiles": self.profiles_table,
            "activation": self.activation_table,
        }

        self._access_logs = self._log_bucket()
        self.archive_bucket = self._bucket("Archive", versioned=True, noncurrent_days=7)
        self.work_bucket = self._bucket("Work", expiry_days=7)
        self.dead_letters_bucket = self._bucket("DeadLetters", expiry_days=90)

        self.workspace_token = secretsmanager.Secret(
            self,
            "WorkspaceToken",
            description="The first token of the Control API's workspace; more are made with it",
            encryption_key=self.key,
            # 43 letters and digits are 256 bits.
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=43, exclude_punctuation=True),
            removal_policy=self._removal,
        )
        excuse(
            self.workspace_token,
            "AwsSolutions-SMG4",
            "People hold this token; a rotation would lock them out. The Control API revokes and replaces it.",
        )

    def _key(self, settings: Settings) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            alias=f"alias/personas-{settings.stage}",
            description=f"Personas {settings.stage}: all data",
            enable_key_rotation=True,
            removal_policy=self._removal,
        )
        stack = Stack.of(self)
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroupsOfThisStage",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": stack.format_arn(
                            service="logs", resource="log-group", resource_name=f"*personas-{settings.stage}-*"
                        ).replace("log-group/", "log-group:")
                    }
                },
            )
        )
        return key

    def _table(self, name: str, *, stream: bool = False) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            name,
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="ttl",
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if stream else None,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=self._production
            ),
            deletion_protection=self._production,
            removal_policy=self._removal,
        )
        if not self._production:
            excuse(table, "AwsSolutions-DDB3", "A stage for trying things out is not worth the price of its recovery.")
        return table

    def _bucket(
        self, name: str, *, versioned: bool = False, expiry_days: int | None = None, noncurrent_days: int | None = None
    ) -> s3.Bucket:
        return s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            versioned=versioned,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire",
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                    expiration=None if expiry_days is None else Duration.days(expiry_days),
                    noncurrent_version_expiration=None if noncurrent_days is None else Duration.days(noncurrent_days),
                    # What marks an object as deleted goes once no version of it is left.
                    expired_object_delete_marker=True if versioned else None,
                )
            ],
            server_access_logs_bucket=self._access_logs,
            server_access_logs_prefix=f"{name.lower()}/",
            removal_policy=self._removal,
        )

    def _log_bucket(self) -> s3.Bucket:
        return s3.Bucket(
            self,
            "AccessLogs",
            # S3 cannot deliver its own access logs into a bucket that a customer key encrypts.
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(id="expire", expiration=Duration.days(90))],
            removal_policy=self._removal,
        )
