"""Glue's catalogue: a database for each space, with the views of its tables. Every call is idempotent.

Invariant: a database that bears no mark of ours is somebody else's, whatever it is called, and never dropped.
"""

from collections.abc import Set
from typing import Any

from botocore.exceptions import ClientError

from personas.aws import client

MARK = "personas.stage"


def databases(stage: str) -> set[str]:
    """Of the stage's spaces."""
    pages = client("glue").get_paginator("get_databases").paginate()
    listed = [one for page in pages for one in page["DatabaseList"]]
    return {one["Name"] for one in listed if one.get("Parameters", {}).get(MARK) == stage}


def create_database(stage: str, name: str, description: str) -> None:
    """Nothing happens where it exists."""
    made = {"Name": name, "Description": description, "Parameters": {MARK: stage}}
    _unless("AlreadyExistsException", "create_database", DatabaseInput=made)


def put_view(database: str, view: dict[str, Any]) -> None:
    """`view`: as core.warehouse.glue.table_input has it."""
    if not _unless("AlreadyExistsException", "create_table", DatabaseName=database, TableInput=view):
        client("glue").update_table(DatabaseName=database, TableInput=view, SkipArchive=True)


def drop_views(database: str, names: Set[str]) -> None:
    for name in sorted(names):
        _unless("EntityNotFoundException", "delete_table", DatabaseName=database, Name=name)


def drop_database(name: str) -> None:
    """With the views in it."""
    _unless("EntityNotFoundException", "delete_database", Name=name)


def _unless(code: str, call: str, **arguments: Any) -> bool:
    """Whether the call did something; False: it was answered with this code."""
    try:
        getattr(client("glue"), call)(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
        return False
    return True
