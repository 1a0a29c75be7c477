"""What profiles ask each other across the levels, and what they are answered.

A definition of accounts may ask whether a condition holds for any or for all of an account's users; a definition of
users may ask whether their accounts are in an account audience. The one that is asked answers yes or no, and the one
that asks keeps how many have answered what: so it never looks at the others.

A question's id stands for its meaning and, like an aggregate's, for the version since which the space asks it without a
break: an answer of an earlier time is never taken for one of now.

>>> answers = Answers(linked=3, counts={"?q": (2, 1)})
>>> answers.some("?q"), answers.every("?q"), answers.every("?q", no=True)
(True, False, False)
>>> Answers(3, {"?q": (2, 0)}).some("?q") is None, Answers(3, {"?q": (3, 0)}).every("?q", no=True)
(True, True)
>>> Answers().some("?q"), Answers().every("?q"), Answers().every("?q", no=True)
(False, False, False)
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from personas.core.query.definition import Definition, Options
from personas.core.query.formatter import format_query
from personas.core.query.tree import AllMembers, AnyMember, Condition, Not


@dataclass(frozen=True, slots=True)
class Answers:
    """How the profiles that are linked with one have answered."""

    linked: int = 0
    """How many they are."""
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Per question, how many of them have answered it, and how many of these with yes."""

    def some(self, question: str, no: bool = False) -> bool | None:
        """Whether one or more say yes (or no); None: those who could say so have not all answered yet."""
        answered, such = self._such(question, no)
        if such:
            return True
        return False if answered >= self.linked else None

    def every(self, question: str, no: bool = False) -> bool | None:
        """Whether all say yes (or no), and there are any at all; None: as above."""
        answered, such = self._such(question, no)
        if such < answered:
            return False
        return self.linked > 0 if answered >= self.linked else None

    def has_all(self, questions: Iterable[str]) -> bool:
        return all(self.counts.get(question, (0, 0))[0] >= self.linked for question in questions)

    def _such(self, question: str, no: bool) -> tuple[int, int]:
        answered, yes = self.counts.get(question, (0, 0))
        return answered, answered - yes if no else yes


NOBODY = Answers()


@dataclass(frozen=True, slots=True)
class Asked:
    """What ANY or ALL asks of each user. NOT is taken off, so that opposites are one question."""

    every: bool
    condition: Condition
    no: bool
    """Whether the answer that is asked for is no."""

    @classmethod
    def of(cls, quantified: AnyMember | AllMembers) -> "Asked":
        condition, no = quantified.part, False
        while isinstance(condition, Not):
            condition, no = condition.part, not no
        return cls(isinstance(quantified, AllMembers), condition, no)

    def holds(self, answers: Answers, question: str) -> bool | None:
        return answers.every(question, self.no) if self.every else answers.some(question, self.no)


def of_condition(condition: Condition, options: Options) -> str:
    """The meaning of the question whether a user meets the condition."""
    return "?" + _digest(format_query(condition), str(options.since or ""), str(options.every_hours))


def of_audience(definition: Definition) -> str:
    """The meaning of the question whether an account is in the audience."""
    options = definition.options
    return "!" + _digest(definition.id, definition.query, str(options.since or ""), str(options.every_hours))


def is_question(meaning: str) -> bool:
    """Whether this is the meaning of a question, and not that of an aggregate."""
    return meaning[0] in "?!"


def asking(question: str, condition: Condition, options: Options) -> Definition:
    """The question as something that every user who has an account evaluates; nobody sees it."""
    asked = Options(since=options.since, every_hours=options.every_hours)
    return Definition(question, question, "", "question", "users", format_query(condition), 0, asked)


def _digest(*meaning: str) -> str:
    return urlsafe_b64encode(blake2b("\x1f".join(meaning).encode(), digest_size=6).digest()).decode()
