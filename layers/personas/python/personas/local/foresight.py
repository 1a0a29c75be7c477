"""When a workflow will next have something to do, read from the tables: moving the clock can then skip the hours and
minutes in which its schedule would find nothing.

It knows the logs of things to come that the handlers keep (stores/due_log.py, stores/agenda.py, stores/purges.py) by
their keys only.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from personas.core.moments import HOUR
from personas.local.functions import Function

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Foresight:
    table: str
    marker: str
    """What every partition key of the log holds; empty where there is no log, because one run of the schedule does
    what all those before it would have done."""
    moment: Callable[[Item], int]
    """The ms at which an entry falls due."""

    def moments(self, dynamodb: Any) -> list[int]:
        """When what is in the log falls due, sorted: the overdue too. Reads the whole table."""
        return [] if not self.marker else sorted(set(self._moments(dynamodb)))

    def _moments(self, dynamodb: Any) -> Iterator[int]:
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=self.table,
            ConsistentRead=True,
            ProjectionExpression="pk, sk",
            FilterExpression="contains(pk, :marker)",
            ExpressionAttributeValues={":marker": {"S": self.marker}},
        )
        for page in pages:
            for item in page["Items"]:
                yield self.moment(item)


def _due_hour(item: Item) -> int:
    """`{space}#due` / `{hour}#…`"""
    return int(item["sk"]["S"].split("#", 1)[0]) * HOUR


def _agenda_moment(item: Item) -> int:
    """`{space}#agenda` / `{destination}#{queue}#{due}#{random}`"""
    return int(item["sk"]["S"].split("#")[2])


def _purge_moment(item: Item) -> int:
    """`workspace#purging` / `{due}#{space}`"""
    return int(item["sk"]["S"].split("#", 1)[0])


def foresight(function: Function) -> Foresight | None:
    """What can be foreseen of the workflow that begins with the function; None: nothing, so it is never skipped."""
    match function.label:
        case "recompute-plan":
            return Foresight(function.environment["PROFILES_TABLE"], "#due", _due_hour)
        case "activation-plan":
            return Foresight(function.environment["ACTIVATION_TABLE"], "#agenda", _agenda_moment)
        case "purge":
            return Foresight(function.environment["CONTROL_TABLE"], "workspace#purging", _purge_moment)
        case "archive-plan":
            return Foresight(function.environment["CONTROL_TABLE"], "", _purge_moment)
        case _:
            return None
