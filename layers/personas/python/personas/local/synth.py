"""The CDK app, synthesized for this machine, and again only when something that it reads has changed.

Assemblies are kept by the hash of what made them. They refer to the functions' source folders, not to copies, so that
a changed handler needs no new one.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from personas.core.errors import PersonasError
from personas.local import checkout

CONTEXT = {"stage": "dev", "local": "true", "aws:cdk:disable-asset-staging": True}
_KEPT = 3


class SynthesisFailed(PersonasError):
    """The CDK app raised; the message ends with what it said."""


def assembly(root: Path = checkout.ROOT, home: Path = checkout.STATE) -> Path:
    """The cloud assembly's folder; ten seconds when something changed, nothing otherwise."""
    folder = home / "synth"
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / _fingerprint(root)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # engines that start side by side wait for one synthesis
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=folder, prefix="new-") as draft:
                out = Path(draft) / "cdk.out"
                _synthesize(root, out)
                out.rename(made)
        made.touch()
        _forget_old(folder)
    return made


def _synthesize(root: Path, out: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_"))}
    environment |= {
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps(CONTEXT),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "PYTHONPATH": str(root),
    }
    done = subprocess.run([sys.executable, "app.py"], cwd=root, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise SynthesisFailed("the CDK app failed:\n" + done.stderr.decode(errors="replace")[-4_000:])


def _fingerprint(root: Path) -> str:
    digest = hashlib.sha256(json.dumps(CONTEXT, sort_keys=True).encode())
    read = [root / "app.py", root / "cdk.json", root / "requirements" / "dev.lock"]
    read += sorted((root / "infra").rglob("*.py"))
    for path in read:
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes() if path.exists() else b"")
    for function in sorted((root / "functions").iterdir()):
        digest.update(f"{function.name}\0".encode())
    digest.update(str(root).encode())  # the assembly names absolute folders
    return digest.hexdigest()[:16]


def _forget_old(folder: Path) -> None:
    made = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in made[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
