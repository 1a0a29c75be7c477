"""Starting the workflow of a preview that was asked for."""

import orjson

from personas.aws import client, setting
from personas.core.preview.preview import Preview


def start(preview: Preview) -> None:
    """Raises ClientError."""
    client("stepfunctions").start_execution(
        stateMachineArn=setting("PREVIEW_MACHINE"),
        input=orjson.dumps({"space": preview.space, "preview": preview.id, "step": "plan"}).decode(),
    )
