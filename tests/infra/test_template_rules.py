"""Other people's rules about templates: cdk-nag's AwsSolutions and cfn-lint."""

import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_dynamodb as dynamodb
from cdk_nag import AwsSolutionsChecks

from infra.paths import ROOT


def test_the_aws_solutions_rules_find_nothing_that_is_not_excused(assembly):
    assert assembly.findings() == []


def test_a_stack_that_breaks_the_aws_solutions_rules_does_not_synthesize(tmp_path):
    """Or the test above would pass because no rule was asked."""
    app = App(outdir=str(tmp_path))
    key = dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING)
    dynamodb.Table(Stack(app, "Wrong"), "Table", partition_key=key)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="AwsSolutions-DDB3"):
        app.synth()


def test_cfn_lint_finds_nothing(assembly):
    templates = [str(assembly.template_file(stage)) for stage in ("dev", "prod")]
    command = [str(Path(sys.executable).with_name("cfn-lint")), *templates]
    lint = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert lint.returncode == 0, lint.stdout


def test_no_custom_resources_run_code_that_is_not_ours(dev):
    types = {entry["Type"] for entry in dev.template["Resources"].values()}
    assert not {type for type in types if type.startswith(("Custom::", "AWS::CloudFormation::CustomResource"))}
    assert all("Personas" in entry.get("Metadata", {}) for entry in dev.named("AWS::Lambda::Function").values())


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_template_fits_into_what_cloudformation_takes(assembly, stage):
    stack = assembly.stack(stage)
    assert len(stack.template["Resources"]) <= 400  # 500 is the limit
    assert assembly.template_file(stage).stat().st_size < 900_000  # 1 MB is the limit
