"""What profiles that are linked tell each other: a user its accounts, an account its users.

Each tells the others what it answers to their questions (core/compute/questions.py), by a link envelope that carries
the version of its item: the newest one wins, so that envelopes may come late, twice, or out of order. An envelope
without answers ends the link.

An account does not keep what each of its users said in its state, only how many said what. What a user said last lies
in an item of the account, the link, so that the next time the difference is known. Links are written before the state:
one whose sequence number is greater than the state's was not counted, and what it replaced counts. So a crash in
between, and a batch that comes again in smaller ones, change nothing.

>>> first, second = Said(1, {"?q": True}), Said(2, {"?q": False})
>>> link = Link(7, first).followed_by(9, second, counted=8)
>>> link.counted_at(8), link.counted_at(9)
(Said(v=1, answers={'?q': True}), Said(v=2, answers={'?q': False}))
>>> link.followed_by(12, Said(3, None), counted=8).counted_at(8)
Said(v=1, answers={'?q': True})
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personas.core.compute.definition_set import DefinitionSet
from personas.core.compute.questions import Answers


@dataclass(frozen=True, slots=True)
class Said:
    """What one profile has said at a version of its item; without answers: that it is not linked any more."""

    v: int
    answers: Mapping[str, bool] | None

    def to_data(self) -> list[Any]:
        return [self.v, None if self.answers is None else {key: int(yes) for key, yes in self.answers.items()}]

    @classmethod
    def of_data(cls, data: list[Any]) -> "Said":
        v, answers = data
        return cls(v, None if answers is None else {key: bool(yes) for key, yes in answers.items()})


UNKNOWN = Said(-1, None)


@dataclass(frozen=True, slots=True)
class Link:
    """What a user said last, what it said before, and at which sequence number of the account's lane."""

    sequence: int = -1
    said: Said = UNKNOWN
    before: Said = UNKNOWN

    def counted_at(self, sequence: int) -> Said:
        """What a state up to that sequence number has counted."""
        return self.said if self.sequence <= sequence else self.before

    def followed_by(self, sequence: int, said: Said, counted: int) -> "Link":
        return Link(sequence, said, self.counted_at(counted))

    @property
    def linked(self) -> bool:
        return self.said.answers is not None

    def to_data(self) -> list[Any]:
        return [str(self.sequence), self.said.to_data(), self.before.to_data()]

    @classmethod
    def of_data(cls, data: list[Any]) -> "Link":
        sequence, said, before = data
        return cls(int(sequence), Said.of_data(said), Said.of_data(before))


class Users:
    """Of an account, mutable: how many users it has, and how many of them answered what."""

    __slots__ = ("_answered", "linked")

    def __init__(self) -> None:
        self.linked = 0
        self._answered: dict[str, list[int]] = {}
        """Per question: how many answers, how many of them yes."""

    def count(self, said: Said, times: int) -> None:
        """Once more, or (`times` is -1) once less."""
        if said.answers is None:
            return
        self.linked += times
        for question, yes in said.answers.items():
            counts = self._answered.setdefault(question, [0, 0])
            counts[0] += times
            counts[1] += times * yes

    def answers(self) -> Answers:
        return Answers(self.linked, {question: (all_, yes) for question, (all_, yes) in self._answered.items()})

    def prune(self, definitions: DefinitionSet) -> None:
        """Drop what nobody asks any more. A user may have answered what the account's lane learns of only later."""
        for question in list(self._answered):
            meaning, _, since = question.partition(".")
            version = int(since or 0)
            if version <= definitions.version and definitions.kept_since.get(meaning) != version:
                del self._answered[question]

    def __bool__(self) -> bool:
        return bool(self.linked or self._answered)

    def to_data(self) -> list[Any]:
        return [self.linked, self._answered]

    @classmethod
    def of_data(cls, data: list[Any]) -> "Users":
        users = cls()
        users.linked, users._answered = data
        return users
