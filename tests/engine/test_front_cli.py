"""What is missing on the machine is said in one line, with what to do."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from personas.local import checks, synth


def up(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "personas.local.cli", "up", "--state", str(tmp_path / "state"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60)


def test_a_taken_port_is_said_in_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = up(tmp_path, "--port", str(port))
    assert done.returncode == 1
    assert done.stdout.startswith(f"personas: Port {port} is taken")
    assert "--port" in done.stdout
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_missing_node_is_said_in_one_line(tmp_path):
    done = up(tmp_path, PATH=str(tmp_path))
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (1, 1, "")
    assert "Node 20 or newer is needed" in done.stdout


def test_an_old_node_is_said_with_its_version(tmp_path, monkeypatch):
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v18.19.0\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(checks.CannotStart, match=r"this is v18\.19\.0"):
        checks.node()


def test_two_engines_do_not_share_a_state(tmp_path):
    with checks.alone(tmp_path), pytest.raises(checks.CannotStart, match="Another engine runs"):
        checks.alone(tmp_path)
    checks.alone(tmp_path).close()


@pytest.fixture
def app(tmp_path) -> Path:
    """A CDK app as far as synthesis is concerned: something that writes an assembly, and counts how often."""
    (tmp_path / "infra").mkdir()
    (tmp_path / "functions" / "ingest").mkdir(parents=True)
    (tmp_path / "cdk.json").write_text("{}")
    (tmp_path / "app.py").write_text(
        "import os, pathlib\n"
        "out = pathlib.Path(os.environ['CDK_OUTDIR'])\n"
        "out.mkdir()\n"
        "(out / 'Shop.template.json').write_text('{}')\n"
        "with open('runs', 'a') as runs: runs.write('x')\n"
    )
    return tmp_path


def runs(app: Path) -> int:
    return len((app / "runs").read_text())


def test_the_app_is_synthesized_again_only_when_it_changed(app, tmp_path):
    first = synth.assembly(app, tmp_path / "home")
    assert synth.assembly(app, tmp_path / "home") == first
    assert runs(app) == 1
    (app / "functions" / "ingest" / "handler.py").write_text("# code runs from its folder, it is not copied")
    assert synth.assembly(app, tmp_path / "home") == first
    (app / "infra" / "stack.py").write_text("# another stack")
    second = synth.assembly(app, tmp_path / "home")
    assert second != first
    (app / "functions" / "deliver").mkdir()
    assert synth.assembly(app, tmp_path / "home") != second
    assert runs(app) == 3


def test_an_app_that_fails_says_why(app, tmp_path):
    (app / "app.py").write_text("raise RuntimeError('no such construct')")
    with pytest.raises(synth.SynthesisFailed, match="no such construct"):
        synth.assembly(app, tmp_path / "home")
    assert not list((tmp_path / "home" / "synth").glob("*/*.template.json"))
