"""A query's text becomes its tree, or an InvalidQuery that points at the place.

>>> from personas.core.query.formatter import format_query
>>> format_query(parse("event('Signed Up').within( 1 days ).count()>=1 AND ( trait('plan').equals('pro') )"))
"event('Signed Up').within(1 day).count() >= 1 AND trait('plan') = 'pro'"
"""

from difflib import get_close_matches

from lark import Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from personas.core.query.errors import InvalidQuery
from personas.core.query.grammar import WORDS, grammar
from personas.core.query.reader import read
from personas.core.query.tree import Query

LONGEST = 20_000
"""Characters of a query: far above what 50 primary expressions need."""


def parse(text: str, members: bool = True) -> Query:
    """`members` says whether ANY and ALL have a place, as in definitions of accounts; raises InvalidQuery."""
    _check_size(text)
    return read(_form(text), members)


def _check_size(text: str) -> None:
    if not text.strip():
        raise InvalidQuery("the query is empty", expected=(WORDS["NAME"],))
    if len(text) > LONGEST:
        raise InvalidQuery(f"the query is longer than {LONGEST:,} characters")


def _form(text: str) -> Tree[Token]:
    try:
        return grammar().parse(text)
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise _unfinished(text, error) from None
        wrong = error.token
        raise InvalidQuery(
            f"{str(wrong)!r} does not fit here",
            wrong.line or 1,
            wrong.column or 1,
            _words(error.accepts or error.expected),
            _near(str(wrong)),
        ) from None
    except UnexpectedCharacters as error:
        reason = f"{error.char!r} does not fit here"
        if error.char in "'\"":
            reason = "the text that begins here is not closed"
        raise InvalidQuery(reason, error.line, error.column, _words(error.allowed)) from None
    except UnexpectedEOF as error:
        raise _unfinished(text, error) from None


def _unfinished(text: str, error: UnexpectedToken | UnexpectedEOF) -> InvalidQuery:
    lines = text.rstrip().split("\n")
    return InvalidQuery("the query ends too early", len(lines), len(lines[-1]) + 1, _words(error.expected))


def _words(terminals: object) -> tuple[str, ...]:
    names = set(terminals) if isinstance(terminals, (set, list, tuple, frozenset)) else set()
    return tuple(words for name, words in WORDS.items() if name in names)


def _near(word: str) -> str | None:
    junctions = ("AND", "OR", "NOT", "ANY", "ALL")
    near = get_close_matches(word.upper(), junctions, 1, 0.6)
    return near[0] if near and word.upper() != word else None
