"""What the template says exists in the emulator, once, however often the engine starts."""

import json
from pathlib import Path

from personas.local.provision import Provisioner, emulated_client
from personas.local.template import Template
from tests.engine import front_emulator

KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
BODY = {
    "Resources": {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {}}},
        "Alias": {
            "Type": "AWS::KMS::Alias",
            "Properties": {"AliasName": "alias/shop", "TargetKeyId": {"Fn::GetAtt": ["Key", "Arn"]}},
        },
        "Token": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"GenerateSecretString": {"PasswordLength": 40}},
        },
        "Login": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "GenerateSecretString": {"SecretStringTemplate": '{"user": "a"}', "GenerateStringKey": "password"}
            },
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": KEYS,
                "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
                "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
                "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
                "SSESpecification": {"KMSMasterKeyId": {"Ref": "Key"}, "SSEEnabled": True},
            },
        },
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 1209600}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
    }
}


def provisioned(url: str) -> Template:
    template = Template(BODY, "Shop")
    Provisioner(template, url).run()
    return template


def test_everything_is_made_and_survives_a_restart(tmp_path: Path):
    with front_emulator.emulator(tmp_path) as url:
        first = provisioned(url)
        dynamodb = emulated_client("dynamodb", url)
        dynamodb.put_item(TableName="Shop-Table", Item={"pk": {"S": "a"}, "sk": {"S": "b"}})
        stream = dynamodb.describe_table(TableName="Shop-Table")["Table"]["LatestStreamArn"]
        assert first.attribute("Table", "StreamArn") == stream
        ttl = dynamodb.describe_time_to_live(TableName="Shop-Table")["TimeToLiveDescription"]
        assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl")
        emulated_client("s3", url).put_object(Bucket="shop-bucket", Key="k", Body=b"kept")
        secrets = emulated_client("secretsmanager", url)
        token = secrets.get_secret_value(SecretId=first.ref("Token"))["SecretString"]
        login = json.loads(secrets.get_secret_value(SecretId=first.ref("Login"))["SecretString"])
        assert len(token) == 40
        assert login["user"] == "a"
        assert len(login["password"]) == 32
    with front_emulator.emulator(tmp_path) as url:
        again = provisioned(url)
        assert again.ref("Key") == first.ref("Key")
        assert again.ref("Token") == first.ref("Token")
        secrets = emulated_client("secretsmanager", url)
        assert secrets.get_secret_value(SecretId=again.ref("Token"))["SecretString"] == token
        assert emulated_client("dynamodb", url).scan(TableName="Shop-Table")["Count"] == 1
        s3 = emulated_client("s3", url)
        assert s3.get_object(Bucket="shop-bucket", Key="k")["Body"].read() == b"kept"
        assert s3.get_bucket_versioning(Bucket="shop-bucket")["Status"] == "Enabled"
