"""The whole stack through the real `cdk deploy`, on an emulated account: every resource is created, once."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from infra.paths import ROOT

PORT = 4611
URL = f"http://127.0.0.1:{PORT}"
EMULATOR = Path(os.environ.get("PERSONAS_EMULATOR", ROOT / ".venv-emulator" / "bin" / "ministack"))
ACCOUNT = {
    "AWS_ENDPOINT_URL": URL,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass(frozen=True)
class Account:
    """An emulated account into which the dev stage was deployed."""

    cdk: list[str]
    outputs: dict[str, str]

    def deploy(self) -> str:
        return run([*self.cdk, "deploy", "Personas-dev", "--require-approval", "never", "--method", "direct", "--ci"])

    def client(self, service: str):
        return boto3.client(
            service,
            endpoint_url=URL,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture(scope="module")
def account(assembly, tmp_path_factory) -> Iterator[Account]:
    assert EMULATOR.is_file(), f"{EMULATOR} is missing: `make setup` installs it (or set PERSONAS_EMULATOR)"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTHON"))}
    environment |= {"GATEWAY_PORT": str(PORT), "BIND_HOST": "127.0.0.1", "PERSIST_STATE": "0"}
    environment |= {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"}  # their ports are always the same
    log = (tmp_path_factory.mktemp("emulator") / "log").open("wb")
    emulator = subprocess.Popen([str(EMULATOR)], env=environment, stdout=log, stderr=log)
    try:
        wait_until_ready(emulator)
        cdk = ["npx", "cdk", "--app", str(assembly.folder)]
        run([*cdk, "bootstrap", "aws://000000000000/us-east-1"])
        account = Account(cdk, {})
        account.deploy()
        (stack,) = account.client("cloudformation").describe_stacks(StackName="Personas-dev")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in stack["Outputs"]}
        yield Account(cdk, outputs)
    finally:
        emulator.terminate()
        emulator.wait(30)
        log.close()


def test_everything_in_the_template_is_created(account, dev):
    pages = account.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName="Personas-dev")
    created = {entry["LogicalResourceId"] for page in pages for entry in page["StackResourceSummaries"]}
    assert created >= set(dev.template["Resources"]) - {"CDKMetadata"}


def test_the_outputs_name_what_exists(account, dev):
    assert set(account.outputs) == set(dev.template["Outputs"])
    tables = account.client("dynamodb").list_tables()["TableNames"]
    assert {name for key, name in account.outputs.items() if key.endswith("TableName")} == set(tables)
    streams = account.client("kinesis").list_streams()["StreamNames"]
    assert {name for key, name in account.outputs.items() if key.endswith("StreamName")} == set(streams)


def test_the_first_workspace_token_is_generated(account):
    secret = account.client("secretsmanager").get_secret_value(SecretId=account.outputs["WorkspaceTokenSecretArn"])
    assert len(secret["SecretString"]) == 43


def test_functions_are_deployed_with_their_code_and_layers(account, dev):
    functions = account.client("lambda").list_functions(MaxItems=50)["Functions"]
    deployed = {function["FunctionName"]: function for function in functions}
    assert {f"personas-dev-{name}" for name in dev.functions()} <= set(deployed)
    assert all(deployed[f"personas-dev-{name}"]["CodeSize"] > 0 for name in dev.functions())


def test_every_workflow_is_there(account):
    machines = account.client("stepfunctions").list_state_machines()["stateMachines"]
    assert {machine["name"]: machine["type"] for machine in machines} == {
        "personas-dev-activation": "EXPRESS",
        "personas-dev-archive": "STANDARD",
        "personas-dev-backfill": "STANDARD",
        "personas-dev-preview": "STANDARD",
        "personas-dev-purge": "STANDARD",
        "personas-dev-recompute": "STANDARD",
        "personas-dev-simulation": "STANDARD",
    }


def test_deploying_again_changes_nothing(account):
    assert "no changes" in account.deploy()


def wait_until_ready(emulator: subprocess.Popen, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert emulator.poll() is None, "the emulator ended; is its port taken?"
        try:
            with urllib.request.urlopen(f"{URL}/_ministack/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the emulator did not answer within {seconds} s")


def run(command: list[str]) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment |= ACCOUNT | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr
