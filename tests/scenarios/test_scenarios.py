"""Every scenario file in this folder holds against the running engine, over HTTP alone."""

import sys
from pathlib import Path

import pytest

from personas.local.launch import LaunchedEngine

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import scenarios  # noqa: E402 - the conformance runner is a script of its own, also for people

FILES = sorted(Path(__file__).parent.rglob("*.json"))


@pytest.fixture(scope="module")
def conformance(engine: LaunchedEngine) -> scenarios.Engine:
    return scenarios.Engine(engine.base_url, engine.facts["control_token"], 60)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_scenario_holds(path: Path, conformance: scenarios.Engine) -> None:
    assert scenarios.run_one(conformance, path) is None
