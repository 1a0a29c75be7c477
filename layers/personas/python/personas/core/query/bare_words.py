"""Words that stand where a value must: `True` for true, `null` for no value, a name without its quotes.

To the grammar they begin a call, so it would only miss a parenthesis behind them.

>>> text = "event(Order Completed).count() >= 1"
>>> str(bare_word(text, text.index("Completed")))
"line 1, column 7: a name needs quotes; did you mean event('Order Completed')?"
>>> bare_word("event('A').count >= 1", 17) is None
True
"""

import re

from personas.core.query.errors import InvalidQuery
from personas.core.query.vocabulary import COMPARATORS, EXTRACTORS

NO_VALUE = ("null", "none", "nil", "undefined")
_BEFORE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*\Z")
_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\(\s*(?:\{\s*)?\Z")
_WHOLE = re.compile(r"[A-Za-z_][\w. ]*?(?=\s*[),}])")


def bare_word(text: str, end: int) -> InvalidQuery | None:
    """What is wrong with the word before `end`, behind which no parenthesis opens; None where it may be a function."""
    found = _BEFORE.search(text, 0, end)
    if found is None:
        return None
    word, start = found[1], found.start()
    before = text[:start]
    if before.rstrip().endswith("."):
        return None
    if word.lower() in ("true", "false"):
        return _error(text, start, f"{word} is no value", suggestion=word.lower())
    if word.lower() in NO_VALUE:
        return _error(text, start, f"{word} is no value to compare with", (".absent()", ".exists()"))
    call = _CALL.search(before)
    if call and call[1] in (*EXTRACTORS, *COMPARATORS):
        whole = _WHOLE.match(text, start)
        quoted = f"'{whole[0] if whole else word}'"
        return _error(text, start, "a name needs quotes", suggestion=f"{call[1]}({quoted})")
    if before.rstrip().endswith(("=", "<", ">", ",", ":")):
        return _error(text, start, "a text needs quotes", suggestion=f"'{word}'")
    return None


def _error(
    text: str, at: int, reason: str, expected: tuple[str, ...] = (), suggestion: str | None = None
) -> InvalidQuery:
    return InvalidQuery(reason, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at), expected, suggestion)
