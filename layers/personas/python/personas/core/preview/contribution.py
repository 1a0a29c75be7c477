"""What users contribute to an account that a preview looks at: their rows in the archive, and their answers.

Contributions of parts of a space's users add up to that of all, in any order.

>>> from personas.core.profile.profile import Profile
>>> found = Contribution()
>>> found.take(Subject(Profile("spa_1", "use_1"), ("use_1", "use_2")), {"?q": True})
>>> found.unite(Contribution(["use_3"], linked=1).to_data())
>>> found.rows, found.answers(["?q"]).some("?q"), found.answers(["?q"]).every("?q")
(['use_1', 'use_2', 'use_3'], True, False)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from personas.core.compute.questions import Answers
from personas.core.preview.subject import Subject


@dataclass(slots=True)
class Contribution:
    """Mutable."""

    rows: list[str] = field(default_factory=list)
    """The profiles whose rows count for the account."""
    linked: int = 0
    """How many users it has."""
    yes: dict[str, int] = field(default_factory=dict)
    """Per question, how many of them say yes."""

    def take(self, user: Subject, values: Mapping[str, Any]) -> None:
        """Each user once; `values` are by question."""
        self.rows.extend(user.contributors)
        self.linked += 1
        for question, answer in values.items():
            self.yes[question] = self.yes.get(question, 0) + (answer is True)

    def unite(self, data: list[Any]) -> None:
        """Add what another one's `to_data` gave."""
        rows, linked, yes = data
        self.rows.extend(rows)
        self.linked += linked
        for question, more in yes.items():
            self.yes[question] = self.yes.get(question, 0) + more

    def answers(self, questions: Iterable[str]) -> Answers:
        return Answers(self.linked, {question: (self.linked, self.yes.get(question, 0)) for question in questions})

    def to_data(self) -> list[Any]:
        return [self.rows, self.linked, self.yes]
