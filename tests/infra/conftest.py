"""One synth for all of these tests: both stages in one app, with the AwsSolutions rules over it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.paths import ROOT
from infra.settings import Settings
from infra.stack import PersonasStack


@dataclass(frozen=True)
class Stack:
    template: dict[str, Any]

    def named(self, type: str) -> dict[str, dict[str, Any]]:
        """Resources of a type by logical id."""
        found = {id: entry for id, entry in self.template["Resources"].items() if entry["Type"] == type}
        assert found, f"the template has no {type}"
        return found

    def functions(self) -> dict[str, dict[str, Any]]:
        """Resources by the name that the metadata gives."""
        return {entry["Metadata"]["Personas"]["Name"]: entry for entry in self.named("AWS::Lambda::Function").values()}

    def mappings(self) -> dict[str, dict[str, Any]]:
        """Properties by the name of the function that is woken."""
        names = {id: entry["Metadata"]["Personas"]["Name"] for id, entry in self.named("AWS::Lambda::Function").items()}
        mappings = self.named("AWS::Lambda::EventSourceMapping").values()
        return {names[entry["Properties"]["FunctionName"]["Ref"]]: entry["Properties"] for entry in mappings}


@dataclass(frozen=True)
class Assembly:
    """What CDK wrote: a folder that `cdk deploy --app` takes."""

    folder: Path

    def template_file(self, stage: str) -> Path:
        return self.folder / f"Personas-{stage}.template.json"

    def stack(self, stage: str) -> Stack:
        return Stack(json.loads(self.template_file(stage).read_text()))

    def findings(self) -> list[str]:
        """What the AwsSolutions rules found and nobody excused."""
        report = json.loads((self.folder / "validation-report.json").read_text())
        return [
            f"{violation['ruleName']} at {construct['constructPath']}"
            for plugin in report["pluginReports"]
            for violation in plugin["violations"]
            for construct in violation["violatingConstructs"]
        ]


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Local synths, which differ from deployable ones in the content of assets only."""
    folder = tmp_path_factory.mktemp("assembly")
    app = App(outdir=str(folder), context=json.loads((ROOT / "cdk.json").read_text())["context"])
    for stage in ("dev", "prod"):
        settings = Settings.of_context({"stage": stage, "local": "true"}.get)
        PersonasStack(app, f"Personas-{stage}", settings=settings)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return Assembly(folder)


@pytest.fixture(scope="session")
def dev(assembly: Assembly) -> Stack:
    return assembly.stack("dev")


@pytest.fixture(scope="session")
def prod(assembly: Assembly) -> Stack:
    return assembly.stack("prod")
