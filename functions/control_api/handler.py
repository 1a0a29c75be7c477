"""The Control API: Segment's Public API where it has the call. Everything needs the workspace token."""

from typing import Any

from control import edge
from control.routes import ROUTES

from personas.http import serve


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    return serve(event, ROUTES, edge.error_body, edge.guard)
