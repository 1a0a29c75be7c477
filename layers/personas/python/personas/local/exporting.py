"""`personas tables`: copies a space's logs into a folder, with its warehouse-ready tables, and says what they are.

>>> print(told(Exported(Path("t"), {"events": 2, "identity": 1}, ("pages", "tracks"))))
2 tables over 3 files are in t:
  pages, tracks
Look at them with: cd t && duckdb -init views.sql
"""

import argparse
from pathlib import Path

from personas.core.errors import InvalidInput
from personas.local import checkout, operating
from personas.tables_export import Exported, export


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--space", help="by id or slug (default: the local engine's own)")
    parser.add_argument("--into", type=Path, default=Path("tables"), help="the folder (default tables)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--state", type=Path, default=checkout.STATE, help="of the local engine (default .personas)")
    where.add_argument("--stack", help="a stack on AWS, such as Personas-dev, with your own credentials")


def run(given: argparse.Namespace) -> str:
    """What was written, in words. Raises InvalidInput, NotFound, and what `operating` raises."""
    if given.stack and not given.space:
        raise InvalidInput("say which: --space ID", "space")
    state = given.state.resolve()
    with operating.stack(given.stack) if given.stack else operating.engine(state):
        return told(export(given.space or operating.facts(state)["space_id"], given.into))


def told(exported: Exported) -> str:
    files = sum(exported.files.values())
    return "\n".join(
        [
            f"{len(exported.tables)} tables over {files} files are in {exported.folder}:",
            f"  {', '.join(exported.tables)}",
            f"Look at them with: cd {exported.folder} && duckdb -init views.sql",
        ]
    )
