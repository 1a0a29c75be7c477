"""What the template's resource types mean on one machine: which are served, which have no meaning, and their names.

A type that stands in neither list is an error (`template.UnknownResourceType`), so that nothing in the CDK app is
silently missing here.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

SERVED = frozenset(
    {
        "AWS::ApiGatewayV2::Api",
        "AWS::ApiGatewayV2::Authorizer",
        "AWS::ApiGatewayV2::Integration",
        "AWS::ApiGatewayV2::Route",
        "AWS::ApiGatewayV2::Stage",
        "AWS::DynamoDB::GlobalTable",
        "AWS::DynamoDB::Table",
        "AWS::Events::Rule",
        "AWS::KMS::Alias",
        "AWS::KMS::Key",
        "AWS::Kinesis::Stream",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Version",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::Scheduler::Schedule",
        "AWS::SecretsManager::Secret",
        "AWS::StepFunctions::StateMachine",
    }
)

WITHOUT_MEANING: Mapping[str, str] = {
    "AWS::ApiGateway::Account": "only says where API Gateway may write its logs",
    "AWS::Athena::WorkGroup": "there is no Athena on one machine: `personas tables` shows the same tables in DuckDB",
    "AWS::CDK::Metadata": "describes the CDK app to AWS",
    "AWS::CloudWatch::Alarm": "nobody is called out for one machine; /_local/status shows the same figures",
    "AWS::CloudWatch::CompositeAlarm": "as AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard": "as AWS::CloudWatch::Alarm",
    "AWS::Glue::Database": "as AWS::Athena::WorkGroup",
    "AWS::Glue::Table": "as AWS::Athena::WorkGroup",
    "AWS::IAM::ManagedPolicy": "there is one user and no IAM on one machine",
    "AWS::IAM::Policy": "there is one user and no IAM on one machine",
    "AWS::IAM::Role": "there is one user and no IAM on one machine",
    "AWS::Lambda::EventInvokeConfig": "only schedules invoke asynchronously, and they repeat",
    "AWS::Lambda::LayerVersionPermission": "there is no IAM on one machine",
    "AWS::Lambda::Permission": "there is no IAM on one machine",
    "AWS::Logs::LogGroup": "functions write to the engine's log",
    "AWS::Logs::MetricFilter": "as AWS::CloudWatch::Alarm",
    "AWS::Logs::ResourcePolicy": "there is no IAM on one machine",
    "AWS::ResourceGroups::Group": "groups resources in the console of AWS",
    "AWS::S3::BucketPolicy": "there is no IAM on one machine",
    "AWS::SNS::Subscription": "alarms go nowhere on one machine",
    "AWS::SNS::TopicPolicy": "there is no IAM on one machine",
    "AWS::SQS::QueuePolicy": "there is no IAM on one machine",
    "AWS::Scheduler::ScheduleGroup": "groups schedules in the console of AWS",
    "AWS::SecretsManager::ResourcePolicy": "there is no IAM on one machine",
    "AWS::ServiceCatalogAppRegistry::Application": "describes the app to AWS",
    "AWS::WAFv2::WebACL": "the engine listens on loopback only",
    "AWS::WAFv2::WebACLAssociation": "the engine listens on loopback only",
    "AWS::XRay::Group": "there is no tracing on one machine",
    "Custom::LogRetention": "functions write to the engine's log",
    "Custom::S3AutoDeleteObjects": "`make clean` empties every bucket",
}


def physical_name(stack: str, logical_id: str, resource_type: str, properties: Mapping[str, Any]) -> str:
    """The explicit name where there is one, else one made of stack and logical id, the same at every start."""
    given = properties.get(_NAME_PROPERTY.get(resource_type, "Name"))
    if isinstance(given, str) and given:
        return given
    name = f"{stack}-{logical_id}"
    if resource_type == "AWS::S3::Bucket":
        return _bucket_name(name)
    return name


def identity(
    resource_type: str, logical_id: str, name: str, region: str, account: str, queue_base: str, http_base: str
) -> tuple[str, dict[str, str]]:
    """What Ref gives for a resource, and its attributes."""

    def arn(service: str, tail: str) -> str:
        return f"arn:aws:{service}:{region}:{account}:{tail}"

    match resource_type:
        case "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable":
            table = arn("dynamodb", f"table/{name}")
            return name, {"Arn": table, "StreamArn": f"{table}/stream/label", "TableId": name}
        case "AWS::Kinesis::Stream":
            return name, {"Arn": arn("kinesis", f"stream/{name}")}
        case "AWS::S3::Bucket":
            domain = f"{name}.s3.amazonaws.com"
            return name, {"Arn": f"arn:aws:s3:::{name}", "DomainName": domain, "RegionalDomainName": domain}
        case "AWS::SQS::Queue":
            url = f"{queue_base}/{account}/{name}"
            return url, {"Arn": arn("sqs", name), "QueueName": name, "QueueUrl": url}
        case "AWS::SNS::Topic":
            topic = arn("sns", name)
            return topic, {"TopicArn": topic, "TopicName": name}
        case "AWS::SecretsManager::Secret":
            secret = arn("secretsmanager", f"secret:{name}")
            return secret, {"Id": secret}
        case "AWS::KMS::Key":
            return name, {"Arn": arn("kms", f"key/{name}"), "KeyId": name}
        case "AWS::KMS::Alias":
            return name, {"AliasName": name}
        case "AWS::Lambda::Function":
            return name, {"Arn": arn("lambda", f"function:{name}")}
        case "AWS::Lambda::LayerVersion":
            layer = arn("lambda", f"layer:{name}:1")
            return layer, {"LayerVersionArn": layer}
        case "AWS::StepFunctions::StateMachine":
            machine = arn("states", f"stateMachine:{name}")
            return machine, {"Arn": machine, "Name": name}
        case "AWS::Events::Rule":
            return name, {"Arn": arn("events", f"rule/{name}")}
        case "AWS::Scheduler::Schedule":
            return name, {"Arn": arn("scheduler", f"schedule/default/{name}")}
        case "AWS::ApiGatewayV2::Api":
            api = short_id(logical_id)
            return api, {"ApiId": api, "ApiEndpoint": http_base}
        case "AWS::ApiGatewayV2::Stage":
            return name, {}
        case "AWS::ApiGatewayV2::Authorizer":
            return short_id(logical_id), {"AuthorizerId": short_id(logical_id)}
        case "AWS::ApiGatewayV2::Integration":
            return short_id(logical_id), {"IntegrationId": short_id(logical_id)}
        case "AWS::ApiGatewayV2::Route":
            return short_id(logical_id), {"RouteId": short_id(logical_id)}
        case "AWS::Lambda::EventSourceMapping":
            return logical_id, {"Id": logical_id}
        case _:
            service = resource_type.split("::")[1].lower() if resource_type.startswith("AWS::") else "cloudformation"
            return name, {"Arn": arn(service, name)}


def short_id(logical_id: str) -> str:
    """An identifier like those that API Gateway hands out, the same at every start."""
    return blake2b(logical_id.encode(), digest_size=5).hexdigest()


def _bucket_name(name: str) -> str:
    name = name.lower().replace("_", "-")
    return name if len(name) <= 63 else f"{name[:54]}-{name[-8:]}"


_NAME_PROPERTY = {
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::KMS::Key": "",
    "AWS::Lambda::Alias": "Name",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::ApiGatewayV2::Stage": "StageName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
