"""What a function's answer means for the batch that it was given.

>>> response_outcome(b'{"batchItemFailures": [{"itemIdentifier": "12"}, {"itemIdentifier": "11"}]}', ["10", "11", "12"])
Partial(first=1)
>>> response_outcome(b'{"batchItemFailures": []}', ["10"])
Success()
>>> response_outcome(b'{"batchItemFailures": [{"itemIdentifier": ""}]}', ["10"])
Failure()

The rules are AWS's (Lambda developer guide, "Configuring partial batch response").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Success:
    pass


@dataclass(frozen=True, slots=True)
class Failure:
    """The whole batch counts as failed."""


@dataclass(frozen=True, slots=True)
class Partial:
    first: int
    """The place of the first record that failed: it and all that follow it are delivered again."""


Outcome = Success | Failure | Partial


def response_outcome(payload: bytes, identifiers: Sequence[str]) -> Outcome:
    """For ReportBatchItemFailures of streams. An empty or null answer, or list, means success."""
    named = failed_identifiers(payload)
    if named is None:
        return Failure()
    if not named:
        return Success()
    places = {identifier: place for place, identifier in enumerate(identifiers)}
    if not named <= places.keys():
        return Failure()
    return Partial(min(places[identifier] for identifier in named))


def failed_identifiers(payload: bytes) -> set[str] | None:
    """The identifiers that a function reports as failed; None when the answer cannot be read, so that all failed."""
    try:
        answer = orjson.loads(payload or b"null")
    except orjson.JSONDecodeError:
        return None
    if not answer:
        return set()
    if not isinstance(answer, dict):
        return None
    failures = answer.get("batchItemFailures")
    if not failures:
        return set()
    if not isinstance(failures, list):
        return None
    named = {each.get("itemIdentifier") for each in failures if isinstance(each, dict)}
    found = {name for name in named if isinstance(name, str) and name}
    return found if len(found) == len(named) and all(isinstance(each, dict) for each in failures) else None
