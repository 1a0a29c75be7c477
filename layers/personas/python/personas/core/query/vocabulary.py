"""The words of the language: which functions there are, what they take, and what is not in yet."""

SYMBOLS = {
    "=": "equals",
    "==": "equals",
    "!=": "differs",
    ">": "greater_than",
    ">=": "at_least",
    "<": "less_than",
    "<=": "at_most",
}
SIGN_OF = {operator: sign for sign, operator in SYMBOLS.items() if sign != "=="}

EXTRACTORS = ("event", "trait", "property", "context", "literal")
FILTERS = ("where", "sources", "within", "between", "expires_after")
REDUCING = ("count", "sum", "avg", "min", "max", "mode", "first", "last", "unique")

COMPARATORS = {
    "equals": "one",
    "differs": "one",
    "greater_than": "one",
    "at_least": "one",
    "less_than": "one",
    "at_most": "one",
    "exists": "none",
    "absent": "none",
    "contains": "some",
    "omits": "some",
    "starts_with": "one",
    "ends_with": "one",
    "one_of": "some",
    "none_of": "some",
    "before_date": "date",
    "after_date": "date",
    "within_last": "duration",
    "within_next": "duration",
    "before_last": "duration",
    "after_next": "duration",
}
"""Each comparator with what it takes: no value, one, some (one or more), a date, or a duration."""

NOW_RELATIVE = frozenset(name for name, takes in COMPARATORS.items() if takes == "duration")
"""Comparators whose answer changes as time passes."""

READS = {"min": ("number", "string"), "max": ("number", "string"), "mode": ("number", "string", "array")}
"""Which types may follow `as`."""

UNSUPPORTED = {"entity": "entity(…)"}
"""Part of the language, and refused for now."""
