"""Where things lie in the checkout that the engine runs from."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
"""The repository: app.py, infra/, functions/."""

STATE = ROOT / ".personas"
"""The default of `--state`; what was synthesized lies here whatever the state."""


def emulator() -> Path:
    """ministack's command; PERSONAS_EMULATOR says where another one lies."""
    return Path(os.environ.get("PERSONAS_EMULATOR", ROOT / ".venv-emulator" / "bin" / "ministack"))
