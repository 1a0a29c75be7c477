"""A query's text becomes its tree, or an InvalidQuery that points at the place.

>>> from personas.core.query.formatter import format_query
>>> format_query(parse("event('Signed Up').within( 1 days ).count()>=1 AND ( trait('plan').equals('pro') )"))
"event('Signed Up').within(1 day).count() >= 1 AND trait('plan') = 'pro'"
"""

from difflib import get_close_matches

from lark import Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from personas.core.query.bare_words import bare_word
from personas.core.query.errors import InvalidQuery
from personas.core.query.grammar import WORDS, grammar
from personas.core.query.reader import read
from personas.core.query.tree import Query

LONGEST = 20_000
"""Characters of a query: far above what 50 primary expressions need."""
OTHER_SIGNS = {"&": "AND", "|": "OR", "!": "NOT"}
"""Signs of other languages, in words of this one."""


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
        wrong = error.token
        fitting = set(error.accepts or error.expected)
        end = wrong.type == "$END"
        if found := _bare_word(text, len(text) if end else wrong.start_pos or 0, fitting):
            raise found from None
        if end:
            raise _unfinished(text, error) from None
        place = (wrong.line or 1, wrong.column or 1)
        raise InvalidQuery(
            f"{str(wrong)!r} does not fit here", *place, _words(fitting), _near(str(wrong), fitting)
        ) from None
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        fitting = _fitting(text[:at])
        if found := _bare_word(text, at, fitting):
            raise found from None
        reason = f"{error.char!r} does not fit here"
        if error.char in "'\"":
            reason = "the text that begins here is not closed"
        raise InvalidQuery(reason, error.line, error.column, _words(fitting), OTHER_SIGNS.get(error.char)) from None
    except UnexpectedEOF as error:
        raise _unfinished(text, error) from None


def _fitting(before: str) -> set[str]:
    """What may follow, exactly: an error of the lexer names also what could follow elsewhere, as LALR merges states."""
    parser = grammar().parse_interactive(before)
    parser.exhaust_lexer()
    return set(parser.accepts())  # type: ignore[no-untyped-call]  # lark gives it no types


def _bare_word(text: str, end: int, fitting: set[str]) -> InvalidQuery | None:
    return bare_word(text, end) if fitting <= {"LPAR", "COLON"} else None


def _unfinished(text: str, error: UnexpectedToken | UnexpectedEOF) -> InvalidQuery:
    lines = text.rstrip().split("\n")
    return InvalidQuery("the query ends too early", len(lines), len(lines[-1]) + 1, _words(error.expected))


def _words(terminals: object) -> tuple[str, ...]:
    names = set(terminals) if isinstance(terminals, (set, list, tuple, frozenset)) else set()
    return tuple(words for name, words in WORDS.items() if name in names)


def _near(word: str, fitting: set[str]) -> str | None:
    junctions = [each for each in ("AND", "OR", "NOT", "ANY", "ALL") if each in fitting]
    near = get_close_matches(word.upper(), junctions, 1, 0.6)
    return near[0] if near else None
