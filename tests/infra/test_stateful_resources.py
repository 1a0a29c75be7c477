"""What holds data keeps its logical id for ever, and outlives the stack in prod."""

import json
from pathlib import Path

import pytest

HOLD_DATA = (
    "AWS::DynamoDB::Table",
    "AWS::Kinesis::Stream",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_logical_ids_of_what_holds_data_never_change(assembly, stage):
    """A changed id is a new, empty resource. Add to the file; never edit what is in it."""
    pinned = json.loads(Path(__file__).with_name("stateful_ids.json").read_text())
    stack = assembly.stack(stage)
    assert {id: type for type in HOLD_DATA for id in stack.named(type)} == pinned


def test_prod_keeps_data_when_the_stack_goes(prod):
    for type in HOLD_DATA:
        for id, resource in prod.named(type).items():
            assert resource["DeletionPolicy"] == "Retain", id
            assert resource["UpdateReplacePolicy"] == "Retain", id


def test_dev_takes_its_data_along(dev):
    assert {entry["DeletionPolicy"] for type in HOLD_DATA for entry in dev.named(type).values()} == {"Delete"}


def test_prod_tables_are_recoverable_and_protected(prod):
    for table in prod.named("AWS::DynamoDB::Table").values():
        recovery = table["Properties"]["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}
        assert table["Properties"]["DeletionProtectionEnabled"] is True


def test_tables_are_on_demand_with_pk_sk_and_ttl(dev):
    for table in dev.named("AWS::DynamoDB::Table").values():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert [key["AttributeName"] for key in properties["KeySchema"]] == ["pk", "sk"]
        assert {key["AttributeType"] for key in properties["AttributeDefinitions"]} == {"S"}
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_only_the_tables_that_are_read_as_streams_have_one(dev):
    streamed = {
        id
        for id, table in dev.named("AWS::DynamoDB::Table").items()
        if table["Properties"].get("StreamSpecification") == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    }
    read = {mapping["EventSourceArn"]["Fn::GetAtt"][0] for mapping in dev.mappings().values()}
    assert streamed == read & set(dev.named("AWS::DynamoDB::Table"))
    assert len(streamed) == 2


def test_everything_is_encrypted_with_the_one_customer_key(dev):
    (key,) = dev.named("AWS::KMS::Key")
    arn = {"Fn::GetAtt": [key, "Arn"]}
    assert dev.named("AWS::KMS::Key")[key]["Properties"]["EnableKeyRotation"] is True
    for table in dev.named("AWS::DynamoDB::Table").values():
        assert table["Properties"]["SSESpecification"]["KMSMasterKeyId"] == arn
    for stream in dev.named("AWS::Kinesis::Stream").values():
        assert stream["Properties"]["StreamEncryption"] == {"EncryptionType": "KMS", "KeyId": arn}
    for secret in dev.named("AWS::SecretsManager::Secret").values():
        assert secret["Properties"]["KmsKeyId"] == arn
    for group in dev.named("AWS::Logs::LogGroup").values():
        assert group["Properties"]["KmsKeyId"] == arn
    for id, bucket in dev.named("AWS::S3::Bucket").items():
        (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        if "AccessLogs" not in id:
            assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == arn
            assert rule["BucketKeyEnabled"] is True


def test_work_goes_after_a_week_and_dead_letters_after_ninety_days(dev):
    expiry = {
        id: rule["ExpirationInDays"]
        for id, bucket in dev.named("AWS::S3::Bucket").items()
        for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        if "ExpirationInDays" in rule
    }
    assert {id.removeprefix("Storage")[:-8]: days for id, days in expiry.items()} == {
        "Work": 7,
        "DeadLetters": 90,
        "AccessLogs": 90,
    }


def test_the_first_workspace_token_has_256_random_bits(dev):
    """43 letters and digits."""
    (secret,) = dev.named("AWS::SecretsManager::Secret").values()
    assert secret["Properties"]["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 43}
