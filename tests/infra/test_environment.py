"""Each function has the names in its environment that its code asks for, and no others: found by following imports."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.paths import FUNCTIONS, ROOT, SHARED_LAYER

LIBRARY = SHARED_LAYER / "python"
ASKED = re.compile(r"""(?:setting\(|environ\.get\(|environ\[)"([A-Z_]+)\"""")
EVERYWHERE = {"STAGE", "LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}

# The local engine reads it from the template, to tell it to people.
FOR_PEOPLE = {"WORKSPACE_ID"}

# Modules of which a function uses a part that asks for nothing.
NOT_NEEDED = {
    "identity": {"EVENTS_STREAM": "reads records of the stream, and never writes any"},
    "merges": {"IDENTITY_TABLE": "reads what the table's stream brings"},
    "simulation-replay": {"IDENTITY_TABLE": "reads what simulation-gather has read of it"},
    "archive-traits": {"PROFILES_TABLE": "reads what the table's stream brings"},
    "archive-identity": {"IDENTITY_TABLE": "reads what the table's stream brings"},
    "archive-plan": {
        "PROFILES_TABLE": "writes sequence numbers as the table does",
        "IDENTITY_TABLE": "knows the log of what the table's stream brought",
    },
    "archive-compact": {
        "PROFILES_TABLE": "writes sequence numbers as the table does",
        "IDENTITY_TABLE": "knows the log of what the table's stream brought",
    },
    "archive-catalogue": {"PROFILES_TABLE": "knows the log of what the table's stream brought"},
    "preview-step": {"PROFILES_TABLE": "writes sequence numbers as the table does"},
}

NAMES = [
    *("ingest", "identity", "merges", "profiles", "recompute-plan", "recompute-tick"),
    *("backfill-step", "backfill-shard", "archive-plan", "archive-compact", "preview-step", "preview-shard"),
    *("changes", "activation-plan", "activation-settle", "profile-api", "control-api", "purge"),
    *("simulation-gather", "simulation-replay", "archive-identity", "archive-traits", "archive-catalogue"),
]


def test_every_python_function_is_looked_at(dev):
    assert {*NAMES, "deliver"} == set(dev.functions())


@pytest.mark.parametrize("name", NAMES)
def test_a_function_has_what_its_code_asks_for_and_no_more(dev, name):
    function = dev.functions()[name]
    folder = ROOT / function["Metadata"]["Personas"]["Source"]
    entry = folder / (function["Properties"]["Handler"].split(".")[0] + ".py")
    asked = {found for file in reached(folder, entry) for found in ASKED.findall(file.read_text())}
    given = set(function["Properties"]["Environment"]["Variables"]) - EVERYWHERE - FOR_PEOPLE
    assert given == asked - EVERYWHERE - FOR_PEOPLE - set(NOT_NEEDED.get(name, {}))


def test_deliver_has_what_its_code_asks_for(dev):
    text = "".join(file.read_text() for file in (FUNCTIONS / "deliver").glob("*.js"))
    asked = set(re.findall(r"""setting\("([A-Z_]+)"\)""", text)) | {"PRIVATE_DESTINATIONS"}
    given = set(dev.functions()["deliver"]["Properties"]["Environment"]["Variables"]) - EVERYWHERE
    assert given == asked


def reached(folder: Path, entry: Path) -> set[Path]:
    """The handler's file and every file of ours that it imports, directly or not."""
    seen: set[Path] = set()
    waiting = [entry]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += [found for name in imports(file) if (found := source(folder, name))]
    return seen


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def source(folder: Path, module: str) -> Path | None:
    path = (LIBRARY if module.split(".")[0] == "personas" else folder) / module.replace(".", "/")
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
