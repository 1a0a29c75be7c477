"""`personas tables`: writes a space's warehouse-ready tables into a folder, and says in words what they are.

>>> told(Exported(Path("t"), {"pages": 2, "tracks": 1}))
'2 tables were written to t:\\n  pages: 2 rows\\n  tracks: 1 row'
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
    lines = [f"  {name}: {count:,} row{'' if count == 1 else 's'}" for name, count in exported.rows.items()]
    return "\n".join([f"{len(lines)} tables were written to {exported.folder}:", *lines])
