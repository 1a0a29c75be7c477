"""Plays the demo into a running engine, as a process of its own: `python -m personas.local.play --state DIR …`.

A process, so that making and sending the sample does not take the engine's time, and so that it can be stopped at any
moment. It marks its end in DIR/played; until then each start of the engine goes on with it.
"""

import argparse
import json
from pathlib import Path

from rich.console import Console

from personas.local import demo
from personas.local.provision import emulated_client


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--aws-endpoint", required=True)
    parser.add_argument("--profiles-table", required=True)
    given = parser.parse_args()
    facts = json.loads((given.state / "local.json").read_text())
    local = demo.Local(
        base_url=facts["base_url"],
        control_token=facts["control_token"],
        space_id=facts["space_id"],
        write_key=facts["write_key"],
        profile_token=facts["profile_token"],
        state=given.state,
        dynamodb=emulated_client("dynamodb", given.aws_endpoint),
        profiles_table=given.profiles_table,
    )
    console = Console()
    summary = demo.play(local, console)
    demo.show(local, summary, console)
    marker(given.state).touch()


def marker(state: Path) -> Path:
    return state / "played"


if __name__ == "__main__":
    main()
