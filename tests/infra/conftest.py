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

Resource = dict[str, Any]


@dataclass(frozen=True)
class Assembly:
    folder: Path
    nag: dict[str, Any]
    """The report of the AwsSolutions rules."""

    def template(self, stage: str) -> dict[str, Any]:
        return json.loads((self.folder / f"Personas-{stage}.template.json").read_text())


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Local synths, which differ from deployable ones in the content of assets only."""
    folder = tmp_path_factory.mktemp("cdk.out")
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(outdir=str(folder), context={**context, "aws:cdk:disable-asset-staging": True})
    for stage in ("dev", "prod"):
        settings = Settings.of_context({"stage": stage, "local": "true"}.get)
        PersonasStack(app, f"Personas-{stage}", settings=settings)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return Assembly(folder, json.loads((folder / "validation-report.json").read_text()))


@pytest.fixture(scope="session")
def dev(assembly: Assembly) -> dict[str, Resource]:
    return assembly.template("dev")["Resources"]


@pytest.fixture(scope="session")
def prod(assembly: Assembly) -> dict[str, Resource]:
    return assembly.template("prod")["Resources"]
