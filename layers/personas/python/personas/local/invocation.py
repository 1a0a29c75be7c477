"""What invoking a function gives back. Who invokes: the HTTP front, authorizers, mappings, workflows, schedules."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invocation:
    payload: bytes
    """The handler's result as JSON, or, with an error, Lambda's {"errorType", "errorMessage", …}."""
    error: str | None = None
    """Lambda's FunctionError ("Unhandled"); None when the handler returned."""
    timed_out: bool = False


Invoke = Callable[[str, bytes], Awaitable[Invocation]]
"""Function name and payload (JSON) to its outcome. Raises only where Lambda itself would refuse the call."""
