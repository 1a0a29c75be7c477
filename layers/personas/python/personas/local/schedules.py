"""The schedules of the template (EventBridge rules and EventBridge Scheduler) and what each of them starts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personas.core.moments import MINUTE, iso
from personas.local.schedule_expression import Cron, Rate, expression
from personas.local.template import Resource, Template, UnusableTemplate


@dataclass(frozen=True, slots=True)
class Target:
    arn: str
    """Of a state machine or a function."""
    input: Any = None
    """What it is given; None stands for EventBridge's own event."""


@dataclass(frozen=True, slots=True)
class Schedule:
    name: str
    arn: str
    when: Rate | Cron
    targets: tuple[Target, ...]

    @property
    def frequent(self) -> bool:
        """Too frequent to be run one by one while the clock is moved far."""
        return self.when.shortest_ms <= 5 * MINUTE

    def event(self, due_ms: int, id: str) -> dict[str, Any]:
        """What EventBridge gives to a target that has no input of its own."""
        return {
            "version": "0",
            "id": id,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "000000000000",
            "time": iso(due_ms)[:19] + "Z",
            "region": "us-east-1",
            "resources": [self.arn],
            "detail": {},
        }


def schedules(template: Template) -> dict[str, Schedule]:
    """Those that are switched on, by name."""
    found = [_rule(template, rule) for rule in template.of_type("AWS::Events::Rule") if _is_on(rule.properties)]
    found += [_schedule(template, s) for s in template.of_type("AWS::Scheduler::Schedule") if _is_on(s.properties)]
    return {schedule.name: schedule for schedule in found}


def _rule(template: Template, rule: Resource) -> Schedule:
    if "ScheduleExpression" not in rule.properties:
        raise UnusableTemplate(f"{rule.id}: the local engine serves scheduled rules only, no event patterns")
    targets = tuple(_target(target, rule.id) for target in rule.properties.get("Targets", []))
    arn = template.attribute(rule.id, "Arn")
    return Schedule(template.name(rule.id), arn, expression(rule.properties["ScheduleExpression"]), targets)


def _schedule(template: Template, schedule: Resource) -> Schedule:
    properties = schedule.properties
    when = expression(properties["ScheduleExpression"], properties.get("ScheduleExpressionTimezone", "UTC"))
    target = Target(properties["Target"]["Arn"], json.loads(properties["Target"].get("Input") or "{}"))
    return Schedule(template.name(schedule.id), template.attribute(schedule.id, "Arn"), when, (target,))


def _target(target: Mapping[str, Any], place: str) -> Target:
    if "InputTransformer" in target or "InputPath" in target:
        raise UnusableTemplate(f"{place}: the local engine does not transform a target's input")
    return Target(target["Arn"], json.loads(target["Input"]) if "Input" in target else None)


def _is_on(properties: Mapping[str, Any]) -> bool:
    return bool(properties.get("State", "ENABLED") != "DISABLED")
