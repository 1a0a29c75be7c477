"""The default space `dev` with a source and a token, made through the Control API, and local.json, which names them."""

import json
import os
from pathlib import Path
from typing import Any

from personas.local.sample.control import Control, ControlRefused

SPACE = "dev"


def default_space(base_url: str, workspace_id: str, control_token: str, file: Path) -> dict[str, Any]:
    """Write local.json and answer it. What an earlier start made and wrote there is kept if its space still exists."""
    control = Control(base_url, control_token)
    facts = {"base_url": base_url, "workspace_id": workspace_id, "control_token": control_token}
    known = json.loads(file.read_text()) if file.exists() else {}
    space = _space(control)
    if known.get("space_id") == space and known.get("control_token") == control_token:
        facts = known | facts
    else:
        source = control.post(f"/spaces/{space}/sources", {"name": "local"})["data"]["source"]
        token = control.post(f"/spaces/{space}/access-tokens", {"name": "local"})["data"]["token"]
        facts |= {"space_id": space, "write_key": source["writeKeys"][0], "profile_token": token["secret"]}
    draft = file.with_suffix(".tmp")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(facts, indent=2) + "\n")
    os.replace(draft, file)
    return facts


def _space(control: Control) -> str:
    try:
        found = control.get(f"/spaces/{SPACE}")
    except ControlRefused as error:
        if ": 404 " not in str(error):
            raise
        found = control.post("/spaces", {"name": SPACE, "slug": SPACE})
    return str(found["data"]["space"]["id"])
