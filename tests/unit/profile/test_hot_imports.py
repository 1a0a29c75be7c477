"""What the hot functions load: a cold start pays for every module, so that some must never be among them."""

import subprocess
import sys

import pytest

HEAVY = {"pydantic", "moto", "personas.local", "duckdb", "lark", "pyarrow", "hypothesis", "aws_cdk"}


@pytest.mark.parametrize(
    "module", ["functions.profiles.handler", "functions.recompute.plan", "functions.recompute.tick"]
)
def test_a_hot_function_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    path = [entry for entry in sys.path if entry]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not HEAVY & set(run.stdout.split())
