"""A view as Glue's catalogue keeps those of Athena: the query, with the types of its columns, as JSON in base64.

>>> view = View("pages", (("id", "varchar"), ("seq", "bigint")), "SELECT 1")
>>> made = table_input(view, "shop")
>>> made["StorageDescriptor"]["Columns"]
[{'Name': 'id', 'Type': 'string'}, {'Name': 'seq', 'Type': 'bigint'}]
>>> from base64 import b64decode
>>> b64decode(made["ViewOriginalText"].split()[3])[:40]
b'{"originalSql":"SELECT 1","catalog":"aws'
"""

import json
from base64 import b64encode
from hashlib import blake2b
from typing import Any

from personas.core.warehouse.columns import VARCHAR
from personas.core.warehouse.dialect import quoted
from personas.core.warehouse.view import Logs, View

CATALOGUE = "awsdatacatalog"
"""What Athena calls Glue's catalogue."""
MOST = 400_000
"""Characters of a view's text that Glue takes."""


def database_of(stage: str, slug: str) -> str:
    """Of a space. `stage`: the database of the logs. Slugs have no underscore, so that no two are one.

    >>> database_of("personas_dev", "my-shop")
    'personas_dev_my_shop'
    """
    return f"{stage}_{slug.replace('-', '_')}"


def logs_of(stage: str, space: str) -> Logs:
    """The rows of the space. Which space is said outright, as the tables' partition projection demands."""
    database = f"{quoted(CATALOGUE)}.{quoted(stage)}"
    one, two, three = (
        f"(SELECT * FROM {database}.{quoted(name)} WHERE space = '{space}')"
        for name in ("events", "identity", "traits")
    )
    return Logs(one, two, three)


def table_input(view: View, database: str) -> dict[str, Any]:
    """TableInput of CreateTable and UpdateTable."""
    said = {
        "originalSql": view.query,
        "catalog": CATALOGUE,
        "schema": database,
        "columns": [{"name": name, "type": type} for name, type in view.columns],
    }
    text = b64encode(json.dumps(said, separators=(",", ":")).encode()).decode()
    columns = [{"Name": name, "Type": "string" if type == VARCHAR else type} for name, type in view.columns]
    return {
        "Name": view.name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "StorageDescriptor": {"Columns": columns, "Location": "", "SerdeInfo": {}},
        "PartitionKeys": [],
        "ViewOriginalText": f"/* Presto View: {text} */",
        "ViewExpandedText": "/* Presto View */",
    }


def digest(view: View) -> str:
    return blake2b(json.dumps([view.query, view.columns]).encode(), digest_size=8).hexdigest()
