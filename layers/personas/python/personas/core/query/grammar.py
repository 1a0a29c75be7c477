"""The grammar: which sequences of words have the form of a query. What the words mean is `parser`'s.

Braces around what a call takes, as in examples of Segment's reference, mean nothing.
"""

from functools import cache

from lark import Lark

GRAMMAR = r"""
start: disjunction
disjunction: conjunction (OR conjunction)*
conjunction: term (AND term)*
?term: NOT term -> negation
     | (ANY | ALL) term -> quantified
     | comparison
comparison: chain (SIGN chain)?
chain: (call | literal | group) ("." call)*
group: "(" disjunction ")"
call: NAME "(" (_arguments | "{" _arguments "}")? ")"
_arguments: argument ("," argument)*
argument: prefix? (disjunction type? | duration)
prefix: NAME ":"
type: "as" NAME
duration: NUMBER NAME
literal: NUMBER | STRING | DATE | BOOLEAN

OR: "OR"
AND: "AND"
NOT: "NOT"
ANY: "ANY"
ALL: "ALL"
BOOLEAN.2: /(true|false)\b/
SIGN: "==" | "=" | "!=" | ">=" | ">" | "<=" | "<"
NAME: /[A-Za-z_][A-Za-z0-9_]*/
DATE.2: /[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?/
NUMBER: /-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/
STRING: /'(\\.|[^'\\])*'/s | /"(\\.|[^"\\])*"/s
%ignore /\s+/
"""

WORDS = {
    "OR": "OR",
    "AND": "AND",
    "NOT": "NOT",
    "SIGN": "a comparison such as >= 1",
    "DOT": "'.' and a function",
    "LPAR": "'('",
    "RPAR": "')'",
    "RBRACE": "'}'",
    "COMMA": "','",
    "NAME": "a function such as event('…') or trait('…')",
    "NUMBER": "a number",
    "STRING": "a text in quotes",
    "$END": "the end",
}
"""Terminals in the words of a message; the others are left out of it."""


@cache
def grammar() -> Lark:
    """Built once: it takes some 30 ms."""
    return Lark(GRAMMAR, parser="lalr", propagate_positions=True)
