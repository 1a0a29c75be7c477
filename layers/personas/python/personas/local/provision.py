"""Creates in the emulator what the template says should exist: keys, secrets, tables, buckets, queues, topics.

Every step looks before it creates, so that it may run at each start over the state of the last one. What only creation
tells is bound to the template as it goes; the order is the one in which resources refer to each other.
"""

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from personas.local.template import Resource, Template, UnusableTemplate

_TABLE_PROPERTIES = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "LocalSecondaryIndexes")
_PASSWORD_PROPERTIES = (
    "PasswordLength",
    "ExcludeCharacters",
    "ExcludeNumbers",
    "ExcludePunctuation",
    "ExcludeUppercase",
    "ExcludeLowercase",
    "IncludeSpace",
    "RequireEachIncludedType",
)


class Provisioner:
    def __init__(self, template: Template, endpoint: str) -> None:
        self._template, self._endpoint = template, endpoint

    def run(self) -> None:
        """Idempotent."""
        template = self._template
        for key in template.of_type("AWS::KMS::Key"):
            self._key(key)
        for alias in template.of_type("AWS::KMS::Alias"):
            self._alias(alias)
        for secret in template.of_type("AWS::SecretsManager::Secret"):
            self._secret(secret)
        if tables := template.of_type("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
            existing = set(self._listed("dynamodb", "list_tables", "TableNames"))
            for table in tables:
                self._table(table, existing)
        for bucket in template.of_type("AWS::S3::Bucket"):
            self._bucket(bucket)
        for queue in template.of_type("AWS::SQS::Queue"):
            self._queue(queue)
        for topic in template.of_type("AWS::SNS::Topic"):
            self._client("sns").create_topic(Name=template.name(topic.id))

    def _client(self, service: str) -> Any:
        return emulated_client(service, self._endpoint, self._template.region)

    def _listed(self, service: str, operation: str, member: str) -> list[str]:
        return [name for page in self._client(service).get_paginator(operation).paginate() for name in page[member]]

    def _key(self, key: Resource) -> None:
        kms = self._client("kms")
        alias = f"alias/engine/{self._template.stack}/{key.id}"
        try:
            found = kms.describe_key(KeyId=alias)["KeyMetadata"]
        except ClientError as error:
            _only(error, "NotFoundException")
            given = {name: key.properties[name] for name in ("KeySpec", "KeyUsage") if name in key.properties}
            found = kms.create_key(**given)["KeyMetadata"]
            kms.create_alias(AliasName=alias, TargetKeyId=found["KeyId"])
        self._template.bind(key.id, found["KeyId"], Arn=found["Arn"], KeyId=found["KeyId"])

    def _alias(self, alias: Resource) -> None:
        try:
            self._client("kms").create_alias(
                AliasName=alias.properties["AliasName"], TargetKeyId=alias.properties["TargetKeyId"]
            )
        except ClientError as error:
            _only(error, "AlreadyExistsException")

    def _secret(self, secret: Resource) -> None:
        manager, name = self._client("secretsmanager"), self._template.name(secret.id)
        try:
            arn = manager.describe_secret(SecretId=name)["ARN"]
        except ClientError as error:
            _only(error, "ResourceNotFoundException")
            arn = manager.create_secret(Name=name, SecretString=self._secret_string(secret.properties))["ARN"]
        self._template.bind(secret.id, arn, Id=arn)

    def _secret_string(self, properties: Mapping[str, Any]) -> str:
        if "SecretString" in properties:
            return str(properties["SecretString"])
        wish = properties.get("GenerateSecretString", {})
        options = {name: wish[name] for name in _PASSWORD_PROPERTIES if name in wish}
        password: str = self._client("secretsmanager").get_random_password(**options)["RandomPassword"]
        if "GenerateStringKey" not in wish:
            return password
        return json.dumps(json.loads(wish.get("SecretStringTemplate", "{}")) | {wish["GenerateStringKey"]: password})

    def _table(self, table: Resource, existing: set[str]) -> None:
        dynamodb, name, properties = self._client("dynamodb"), self._template.name(table.id), table.properties
        if name not in existing:
            dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **_table_definition(properties))
        described = dynamodb.describe_table(TableName=name)["Table"]
        if described["KeySchema"] != properties["KeySchema"]:
            raise UnusableTemplate(f"{table.id}: the table {name} exists with other keys; `make clean` starts afresh")
        if "StreamSpecification" in properties and not described.get("StreamSpecification", {}).get("StreamEnabled"):
            dynamodb.update_table(TableName=name, StreamSpecification=_stream(properties))
            described = dynamodb.describe_table(TableName=name)["Table"]
        if ttl := properties.get("TimeToLiveSpecification"):
            state = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
            if ttl.get("Enabled", True) and state != "ENABLED":
                wish = {"AttributeName": ttl["AttributeName"], "Enabled": True}
                dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wish)
        attributes = {"Arn": described["TableArn"]}
        if "LatestStreamArn" in described:
            attributes["StreamArn"] = described["LatestStreamArn"]
        self._template.bind(table.id, name, **attributes)

    def _bucket(self, bucket: Resource) -> None:
        if "NotificationConfiguration" in bucket.properties:
            raise UnusableTemplate(f"{bucket.id}: the local engine does not send S3 event notifications")
        s3, name = self._client("s3"), self._template.name(bucket.id)
        try:
            s3.head_bucket(Bucket=name)
        except ClientError as error:
            _only(error, "404", "NoSuchBucket", "NotFound")
            s3.create_bucket(Bucket=name)
        if bucket.properties.get("VersioningConfiguration", {}).get("Status") == "Enabled":
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def _queue(self, queue: Resource) -> None:
        sqs, name = self._client("sqs"), self._template.name(queue.id)
        names = ("VisibilityTimeout", "DelaySeconds", "FifoQueue", "ContentBasedDeduplication")
        attributes = {key: str(queue.properties[key]).lower() for key in names if key in queue.properties}
        if seconds := queue.properties.get("MessageRetentionPeriod"):
            attributes["MessageRetentionPeriod"] = str(seconds)
        try:
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except ClientError as error:
            _only(error, "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
            url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._template.bind(queue.id, url, QueueUrl=url)


def emulated_client(service: str, endpoint: str, region: str = "us-east-1") -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 3}, s3={"addressing_style": "path"}, max_pool_connections=16),
    )


def _table_definition(properties: Mapping[str, Any]) -> dict[str, Any]:
    """CreateTable's arguments from those of a Table or a GlobalTable; capacity is left out, as nobody pays for it."""
    definition = {name: properties[name] for name in _TABLE_PROPERTIES if properties.get(name)}
    kept = ("IndexName", "KeySchema", "Projection")
    for indexes in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if indexes in definition:
            definition[indexes] = [{key: index[key] for key in kept} for index in definition[indexes]]
    if "StreamSpecification" in properties:
        definition["StreamSpecification"] = _stream(properties)
    return definition


def _stream(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"StreamEnabled": True, "StreamViewType": properties["StreamSpecification"]["StreamViewType"]}


def _only(error: ClientError, *codes: str) -> None:
    """Raises the error again unless it is one of those that mean `not there yet` or `there already`."""
    if error.response["Error"]["Code"] not in codes:
        raise error
