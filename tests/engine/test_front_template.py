"""The template is read as CloudFormation reads it; what the engine cannot follow is an error that names the place."""

import json
from pathlib import Path

import pytest

from personas.local.functions import functions
from personas.local.template import Template, UnknownResourceType, UnusableTemplate

TABLE = {"Type": "AWS::DynamoDB::Table", "Properties": {"KeySchema": []}}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}


def value(expression: object, **body: object) -> object:
    resources = {"Table": TABLE, "Queue": QUEUE, **body.pop("Resources", {})}
    return Template({"Resources": resources, **body}, "shop", queue_base="http://q").resolve(expression, "here")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Ref": "Table"}, "shop-Table"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "Queue"}, "http://q/000000000000/shop-Queue"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:aws:dynamodb:us-east-1:000000000000:table/shop-Table"),
        ({"Fn::GetAtt": "Queue.QueueName"}, "shop-Queue"),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::StackName"}, "b"]]}, "a-shop-b"),
        ({"Fn::Sub": "${AWS::AccountId}:${Table}:${Queue.Arn}:${!kept}"},
         "000000000000:shop-Table:arn:aws:sqs:us-east-1:000000000000:shop-Queue:${kept}"),
        ({"Fn::Sub": ["${a}/${Table}", {"a": {"Ref": "AWS::Partition"}}]}, "aws/shop-Table"),
        ({"Fn::Select": [1, {"Fn::Split": ["/", "a/b/c"]}]}, "b"),
        ({"list": [1, {"Ref": "AWS::NoValue"}, 2], "gone": {"Ref": "AWS::NoValue"}}, {"list": [1, 2]}),
        ({"Ref": "Two", "Fn::Other": 1}, {"Ref": "Two", "Fn::Other": 1}),
    ],
)  # fmt: skip
def test_intrinsics_are_replaced(expression, expected):
    assert value(expression) == expected


def test_conditions_choose_values_and_resources():
    body = {
        "Parameters": {"Stage": {"Type": "String", "Default": "dev"}},
        "Conditions": {
            "IsDev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
            "IsProd": {"Fn::And": [{"Fn::Not": [{"Condition": "IsDev"}]}, {"Condition": "IsDev"}]},
        },
        "Mappings": {"Sizes": {"dev": {"shards": 1}}},
        "Resources": {"Table": TABLE, "Extra": {**QUEUE, "Condition": "IsProd"}},
    }
    template = Template(body, "shop")
    assert template.resolve({"Fn::If": ["IsDev", "a", {"Ref": "Missing"}]}, "here") == "a"
    assert template.resolve({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "shards"]}, "here") == 1
    assert "Extra" not in template.types()


@pytest.mark.parametrize("expression", [{"Ref": "Nobody"}, {"Fn::GetAtt": ["Table", "Colour"]}, {"Fn::Cidr": []}])
def test_what_cannot_be_resolved_is_an_error_that_names_the_place(expression):
    with pytest.raises(UnusableTemplate, match="here"):
        value(expression)


def test_an_unknown_resource_type_is_an_error_that_names_it():
    with pytest.raises(UnknownResourceType, match=r"AWS::Neptune::DBCluster \(Graph\)"):
        Template({"Resources": {"Graph": {"Type": "AWS::Neptune::DBCluster"}}}, "shop")


def test_what_creation_tells_replaces_the_name_that_was_expected():
    body = {"Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": {}}}}
    template = Template(body, "shop")
    template.bind("Key", "1234", Arn="arn:key/1234")
    assert template.ref("Key") == "1234"
    assert template.attribute("Key", "Arn") == "arn:key/1234"


def test_a_bucket_name_is_one_that_s3_takes():
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {}}
    name = Template({"Resources": {"Storage" * 10 + "1A2B3C4D": bucket}}, "Shop").ref("Storage" * 10 + "1A2B3C4D")
    assert len(name) <= 63
    assert name == name.lower()
    assert name.endswith("-1a2b3c4d")


def test_a_function_knows_its_folder_its_layers_and_its_environment(tmp_path: Path):
    (tmp_path / "code").mkdir()
    (tmp_path / "layer").mkdir()
    destination = {"current": {"bucketName": "assets", "objectKey": "c.zip"}}
    layer = {"current": {"bucketName": "assets", "objectKey": "l.zip"}}
    files = {
        "c": {"source": {"path": "../code", "packaging": "zip"}, "destinations": destination},
        "l": {"source": {"path": str(tmp_path / "layer"), "packaging": "zip"}, "destinations": layer},
    }
    out = tmp_path / "cdk.out"
    out.mkdir()
    (out / "shop.assets.json").write_text(json.dumps({"files": files}))
    function = {
        "Type": "AWS::Lambda::Function",
        "Metadata": {"Personas": {"Name": "ingest"}},
        "Properties": {
            "Code": {"S3Bucket": "assets", "S3Key": "c.zip"},
            "Runtime": "python3.13",
            "Handler": "handler.handle",
            "Layers": [{"Ref": "Shared"}],
            "Environment": {"Variables": {"TABLE": {"Ref": "Table"}}},
            "Timeout": 20,
        },
    }
    shared = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": {"S3Key": "l.zip"}}}
    inline = {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ZipFile": "…"}}}
    body = {"Resources": {"Ingest": function, "Shared": shared, "Table": TABLE, "Inline": inline}}
    (out / "shop.template.json").write_text(json.dumps(body))
    (found,) = functions(Template.load(out)).values()
    assert (found.name, found.label, found.timeout_seconds) == ("shop-Ingest", "ingest", 20)
    assert found.environment == {"TABLE": "shop-Table"}
    assert (found.code, found.layers) == ((tmp_path / "code").resolve(), (tmp_path / "layer",))
