"""FilterCriteria of event source mappings: which records a function wants to see.

>>> merges = Pattern.of('{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": [{"prefix": "mer"}]}}}}')
>>> merges.matches({"eventName": "INSERT", "dynamodb": {"NewImage": {"kind": {"S": "merge"}}}})
True
>>> merges.matches({"eventName": "MODIFY", "dynamodb": {"NewImage": {"kind": {"S": "merge"}}}})
False

The rules are those of EventBridge patterns, as far as Lambda takes them (Lambda developer guide, "Filter rule syntax").
"""

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personas.local.template import UnusableTemplate

_ABSENT = object()
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Pattern:
    rules: Mapping[str, Any]

    @classmethod
    def of(cls, text: str) -> "Pattern":
        rules = json.loads(text)
        _check(rules, text)
        return cls(rules)

    def matches(self, event: Mapping[str, Any]) -> bool:
        return _matches(self.rules, event)


@dataclass(frozen=True, slots=True)
class Filters:
    """A record passes if one of the patterns matches it; without patterns, all pass."""

    patterns: tuple[Pattern, ...]

    @classmethod
    def of(cls, criteria: Mapping[str, Any] | None) -> "Filters":
        return cls(tuple(Pattern.of(each["Pattern"]) for each in (criteria or {}).get("Filters", ())))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def reads(self, key: str) -> bool:
        """Whether a pattern looks at the key of the outermost level."""
        return any(key in pattern.rules for pattern in self.patterns)

    def match(self, event: Mapping[str, Any]) -> bool:
        return not self.patterns or any(pattern.matches(event) for pattern in self.patterns)


def _matches(rules: Mapping[str, Any], event: Any) -> bool:
    if isinstance(event, list):
        return any(_matches(rules, item) for item in event)
    if not isinstance(event, dict):
        event = {}
    for key, rule in rules.items():
        if key == "$or":
            if not any(_matches(alternative, event) for alternative in rule):
                return False
        elif isinstance(rule, dict):
            if not _matches(rule, event.get(key)):
                return False
        elif not _leaf_matches(rule, event.get(key, _ABSENT)):
            return False
    return True


def _leaf_matches(rules: Sequence[Any], value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(_value_matches(rule, each) for rule in rules for each in values or [_ABSENT])


def _value_matches(rule: Any, value: Any) -> bool:
    if not isinstance(rule, dict):
        return _same(rule, value)
    ((name, argument),) = rule.items()
    return _OPERATORS[name](argument, value)


def _same(wanted: Any, value: Any) -> bool:
    """Numbers are the same however they are written; true is no number."""
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    return bool(type(wanted) is type(value) or _numbers(wanted, value)) and bool(wanted == value)


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _exists(wanted: Any, value: Any) -> bool:
    """About leaves only: an object is not a value that exists."""
    there = value is not _ABSENT and not isinstance(value, dict)
    return there is wanted


def _prefix(wanted: Any, value: Any) -> bool:
    return isinstance(value, str) and value.startswith(wanted)


def _suffix(wanted: Any, value: Any) -> bool:
    return isinstance(value, str) and value.endswith(wanted)


def _ignoring_case(wanted: Any, value: Any) -> bool:
    return isinstance(value, str) and value.casefold() == wanted.casefold()


def _anything_but(unwanted: Any, value: Any) -> bool:
    if value is _ABSENT:
        return False
    rules = unwanted if isinstance(unwanted, list) else [unwanted]
    return not any(_value_matches(rule, value) for rule in rules)


def _numeric(comparisons: Sequence[Any], value: Any) -> bool:
    pairs = zip(comparisons[::2], comparisons[1::2], strict=True)
    return _numbers(value) and all(_COMPARISONS[sign](value, bound) for sign, bound in pairs)


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "exists": _exists,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
}


def _check(rules: Any, text: str) -> None:
    """Lambda refuses such patterns when the mapping is made; so does the engine."""
    if not isinstance(rules, dict):
        raise UnusableTemplate(f"the filter pattern {text} must be an object")
    for key, rule in rules.items():
        if key == "$or":
            for alternative in rule:
                _check(alternative, text)
        elif isinstance(rule, dict):
            _check(rule, text)
        elif not isinstance(rule, list) or not rule:
            raise UnusableTemplate(f"{key} in the filter pattern {text} must be a list with something in it")
        else:
            for each in rule:
                _check_value(each, text)


def _check_value(rule: Any, text: str) -> None:
    if not isinstance(rule, dict):
        return
    if len(rule) != 1 or not rule.keys() <= _OPERATORS.keys():
        raise UnusableTemplate(f"the local engine knows no operator {' '.join(rule)} (filter pattern {text})")
    ((name, argument),) = rule.items()
    if name == "numeric" and (len(argument) % 2 or not set(argument[::2]) <= _COMPARISONS.keys()):
        raise UnusableTemplate(f"{argument} is no numeric comparison (filter pattern {text})")
    if name == "anything-but":
        for each in argument if isinstance(argument, list) else [argument]:
            _check_value(each, text)
